"""Text classification: one prediction per text, from the mean logits of its windows."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from function.core.backend import Logits
from function.core.decoders import Decoder
from function.core.decoding import Scores, activate_row
from function.core.errors import InputError
from function.core.predictions import AnyPrediction, LabelScore, Prediction, TextPrediction
from function.core.tokenization import TokenIds
from function.core.types import Activation, Options
from function.core.windows import ModelInputs, RunWindows, WindowedText

Row = Sequence[float]  # the numbers of a text, by label

# Tokens that the first stage reads in the time that a window takes the model.
WINDOW_OF_FIRST_STAGE = 30_000


def classified(predictions: Sequence[AnyPrediction]) -> list[Prediction]:
    """Return predictions of one label each; raises InputError if they are another head's."""
    for each in predictions:
        if not isinstance(each, Prediction):
            raise InputError(f"this model {each.form}; name one that gives each text one label")
    return cast("list[Prediction]", predictions)


class TextDecoder(Decoder):
    """Decoder of one prediction per text."""

    slow = False
    refusals = dict.fromkeys(
        ("grouping", "outside"), "this model classifies whole texts: it labels no words"
    )

    def explanation_cost(self, inputs: ModelInputs) -> int:
        """See `core.decoders.Decoder`."""
        from function.core.explanation import window_cost  # see `_explained`

        return sum(
            window_cost(text.encoded, len(text.windows))
            if text.windows
            else window_cost(text.encoded, 1) * len(text.encoded.ids) // WINDOW_OF_FIRST_STAGE
            for text in inputs.texts
        )

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        logits = [self._calibrate(text, own) for text, own in inputs.by_text(outputs)]
        return [*self._predictions(inputs, logits, options)]

    @abstractmethod
    def _predictions(
        self, inputs: ModelInputs, logits: Sequence[Row], options: Options
    ) -> Iterable[TextPrediction]:
        """Return each text's prediction from its calibrated logits, (labels,)."""

    @abstractmethod
    def _evidence(self, logits: Scores, prediction: TextPrediction) -> Scores:
        """Return the log-odds, (rows,), of the answer that `explain` weighs words for."""

    def _calibrate(self, text: WindowedText, outputs: Sequence[Logits]) -> Row:
        """Return the mean of a text's windows, blended with or replaced by the first stage."""
        if text.first and text.stage == "first":
            return text.first.calibrated
        columns = zip(*(window.tolist() for window in outputs), strict=True)
        full = [sum(column) / len(outputs) / self._temperature for column in columns]
        if text.first is None:
            return full
        blended: Row = text.first.source.blend(np.array(full), text.first.logits).tolist()
        return blended

    def _ranked(
        self, inputs: ModelInputs, logits: Sequence[Row], usual: Activation, options: Options
    ) -> Iterator[tuple[WindowedText, list[float], list[LabelScore]]]:
        """Yield each text, and of its labels, best first, the probabilities and the scores.

        Probabilities are those of the `usual` activation, scores those of the one asked for.
        """
        for text, row in zip(inputs.texts, logits, strict=True):
            probabilities = scores = activate_row(row, usual)
            if options.activation not in (None, usual):
                scores = activate_row(row, options.activation)
            # Rank by logits: scores of different logits may be equal, for example 1 under sigmoid.
            order = sorted(range(len(row)), key=row.__getitem__, reverse=True)
            ranked = [LabelScore(self._labels[code], scores[code]) for code in order]
            yield text, [probabilities[code] for code in order], ranked

    def explain(
        self, inputs: ModelInputs, predictions: Sequence[AnyPrediction], run: RunWindows
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return [
            self._explained(text, cast("TextPrediction", prediction), run)
            for text, prediction in zip(inputs.texts, predictions, strict=True)
        ]

    def _explained(
        self, text: WindowedText, prediction: TextPrediction, run: RunWindows
    ) -> TextPrediction:
        # Imported on use, to keep it out of the cold start: a first answer rarely explains.
        from function.core.explanation import LogOdds, explain

        def log_odds(contents: Sequence[TokenIds]) -> LogOdds:
            return self._evidence(self._explained_logits(text, contents, run), prediction)

        positions = text.positions or [np.arange(len(text.encoded.ids))]
        return replace(prediction, highlights=explain(text.encoded, positions, log_odds))

    def _explained_logits(
        self, text: WindowedText, contents: Sequence[TokenIds], run: RunWindows
    ) -> Scores:
        """Return calibrated logits, (contents, labels), by the stages that answered the text."""
        first = text.first.source if text.first else None
        if first and text.stage == "first":
            return np.stack([first.answer(content).calibrated for content in contents])
        rows = run([self._tokenizer.with_special_tokens(content) for content in contents])
        full = np.stack(rows).astype(np.float64) / self._temperature
        if first is None:
            return np.asarray(full)
        blended = [
            first.blend(row, first.logits(content))
            for row, content in zip(full, contents, strict=True)
        ]
        return np.stack(blended)


class Classifier(TextDecoder):
    """Decoder of one label per text, by a softmax."""

    def _predictions(
        self, inputs: ModelInputs, logits: Sequence[Row], options: Options
    ) -> Iterator[Prediction]:
        for text, probabilities, scores in self._ranked(inputs, logits, "softmax", options):
            certainty, *others = probabilities[:2]
            yield Prediction(
                **text.figures,
                label=scores[0].label,
                score=scores[0].score,
                scores=scores[: options.top_k],
                certainty=certainty,
                margin=certainty - sum(others),
                stage=text.stage,
            )

    def _evidence(self, logits: Scores, prediction: TextPrediction) -> Scores:
        label = self._labels.index(cast("Prediction", prediction).label)
        others = np.delete(logits, label, axis=1)
        return np.asarray(logits[:, label] - np.logaddexp.reduce(others, axis=1))
