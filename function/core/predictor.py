"""One loaded model: text in, predictions out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from function.core.artifact import Artifact
from function.core.backend import Backend, Logits, run_in_batches
from function.core.decoding import Probabilities, softmax
from function.core.errors import BatchTooLargeError, InputError
from function.core.tokenization import EncodedText, TextTokenizer, TokenIds, window_spans
from function.core.types import LabelScore, Options, Prediction, Timings

BATCH_TOKENS = 4096  # padded tokens of one backend call; more only costs memory on a CPU


@dataclass(frozen=True)
class WindowedText:
    """A text and the windows in which the model reads it."""

    encoded: EncodedText
    spans: list[list[tuple[int, int]]]
    windows: list[TokenIds]

    @property
    def truncated(self) -> bool:
        covered = np.zeros(len(self.encoded.ids), dtype=bool)
        for window in self.spans:
            for start, stop in window:
                covered[start:stop] = True
        return not bool(covered.all())


class Predictor:
    """Tokenise, window, run the backend, decode."""

    def __init__(
        self, artifact: Artifact, tokenizer: TextTokenizer, backend: Backend, max_windows: int
    ) -> None:
        """max_windows: what one request may cost, in windows of all its texts together."""
        self.artifact = artifact
        self.labels = artifact.manifest.labels
        self._tokenizer, self._backend, self._max_windows = tokenizer, backend, max_windows
        self._settings = artifact.manifest.tokenization.settings()
        self._temperature = artifact.manifest.decoding.temperature

    def predict(self, texts: Sequence[str], options: Options) -> tuple[list[Prediction], Timings]:
        """Answer every text. Raises InputError, BatchTooLargeError, PredictionError."""
        started = perf_counter()
        windowed = self._tokenize(texts, options)
        tokenized = perf_counter()
        logits = self._run(windowed)
        inferred = perf_counter()
        probabilities = softmax(logits, self._temperature)
        predictions = [
            self._prediction(text, row, options)
            for text, row in zip(windowed, probabilities, strict=True)
        ]
        decoded = perf_counter()
        if options.explain:
            predictions = [
                self._explained(text, row, prediction)
                for text, row, prediction in zip(windowed, probabilities, predictions, strict=True)
            ]
        explained = perf_counter()
        return predictions, Timings(
            tokenization_ms=1000 * (tokenized - started),
            inference_ms=1000 * (inferred - tokenized),
            decoding_ms=1000 * (decoded - inferred),
            explanation_ms=1000 * (explained - decoded),
            total_ms=1000 * (explained - started),
        )

    def encode(self, text: str) -> EncodedText:
        """The tokens and words of a text, as the model would read it."""
        return self._tokenizer.encode([text])[0]

    def _tokenize(self, texts: Sequence[str], options: Options) -> list[WindowedText]:
        settings = self._settings
        capacity = settings.max_tokens - self._tokenizer.special_tokens
        long_text = options.long_text or settings.long_text
        windowed = []
        for index, encoded in enumerate(self._tokenizer.encode(texts)):
            if not len(encoded.ids):
                raise InputError(f"text {index} is empty: send at least one word")
            spans = window_spans(
                len(encoded.ids), capacity, settings.stride, long_text, settings.max_windows
            )
            windows = [
                self._tokenizer.with_special_tokens(
                    np.concatenate([encoded.ids[start:stop] for start, stop in window])
                )
                for window in spans
            ]
            windowed.append(WindowedText(encoded, spans, windows))
        total = sum(len(text.windows) for text in windowed)
        if total > self._max_windows:
            raise BatchTooLargeError(
                f"these texts take {total} windows of {settings.max_tokens} tokens; one request "
                f"may take {self._max_windows}: send fewer or shorter texts"
            )
        return windowed

    def _run(self, texts: Sequence[WindowedText]) -> Logits:
        """One row of logits a text: the mean of its windows'."""
        windows = [window for text in texts for window in text.windows]
        logits = run_in_batches(self._backend, windows, self._tokenizer.pad_id, BATCH_TOKENS)
        counts = [len(text.windows) for text in texts]
        starts = np.cumsum([0, *counts[:-1]])
        sums = np.add.reduceat(logits, starts, axis=0)
        return np.asarray(sums / np.array(counts, dtype=np.float32)[:, None], dtype=np.float32)

    def _prediction(
        self, text: WindowedText, probabilities: Probabilities, options: Options
    ) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")
        scores = [LabelScore(self.labels[index], float(probabilities[index])) for index in order]
        return Prediction(
            label=scores[0].label,
            score=scores[0].score,
            scores=scores[: options.top_k],
            tokens=len(text.encoded.ids),
            windows=len(text.windows),
            truncated=text.truncated,
        )

    def _explained(
        self, text: WindowedText, probabilities: Probabilities, prediction: Prediction
    ) -> Prediction:
        # Imported where it is asked for: a first answer rarely explains.
        from function.core.explanation import LogOdds, explain

        label = int(probabilities.argmax())

        def log_odds(contents: Sequence[TokenIds]) -> LogOdds:
            windows = [self._tokenizer.with_special_tokens(content) for content in contents]
            logits = run_in_batches(self._backend, windows, self._tokenizer.pad_id, BATCH_TOKENS)
            scaled = logits.astype(np.float64) / self._temperature
            others = np.delete(scaled, label, axis=1)
            return np.asarray(scaled[:, label] - np.logaddexp.reduce(others, axis=1))

        return replace(prediction, highlights=explain(text.encoded, text.spans, log_odds))
