"""One loaded model: text in, predictions out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from function.core.artifact import Artifact
from function.core.backend import Backend, Logits, run_in_batches
from function.core.decoding import Probabilities, activate
from function.core.errors import BatchTooLargeError, InputError
from function.core.tokenization import EncodedText, TextTokenizer, TokenIds, window_spans
from function.core.types import LabelScore, Options, Prediction, Timings

BATCH_TOKENS = 4096  # padded tokens of one backend call; more only costs memory on a CPU


Run = Callable[[Sequence[TokenIds]], Logits]


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


@dataclass(frozen=True)
class Reading:
    """The texts of one request, tokenised, and cut into what the model reads at a time."""

    texts: list[WindowedText]

    @property
    def windows(self) -> list[TokenIds]:
        """Those of all texts, in order."""
        return [window for text in self.texts for window in text.windows]


class Predictor:
    """Read (tokenise, window), run the backend, decode: at once, or a stage at a time for an
    engine that runs the windows of many requests together."""

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
        reading = self.read(texts, options)
        read = perf_counter()
        logits = self.run(reading.windows)
        inferred = perf_counter()
        predictions = self.decode(reading, logits, options)
        decoded = perf_counter()
        if options.explain:
            predictions = self.explain(reading, predictions, self.run)
        explained = perf_counter()
        return predictions, Timings(
            tokenization_ms=1000 * (read - started),
            queue_ms=0.0,
            inference_ms=1000 * (inferred - read),
            decoding_ms=1000 * (decoded - inferred),
            explanation_ms=1000 * (explained - decoded),
            total_ms=1000 * (explained - started),
        )

    @property
    def max_tokens(self) -> int:
        """Of one window, special tokens included."""
        return self._settings.max_tokens

    def window_of(self, tokens: int) -> TokenIds:
        """A window of a given length that says nothing, for trying the backend out."""
        content = max(0, tokens - self._tokenizer.special_tokens)
        return self._tokenizer.with_special_tokens(
            np.full(content, self._tokenizer.pad_id, dtype=np.int64)
        )

    def encode(self, text: str) -> EncodedText:
        """The tokens and words of a text, as the model would read it."""
        return self._tokenizer.encode([text])[0]

    def read(self, texts: Sequence[str], options: Options) -> Reading:
        """Tokenise and window texts. Raises InputError, BatchTooLargeError."""
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
        return Reading(windowed)

    def run(self, windows: Sequence[TokenIds], batch_tokens: int = BATCH_TOKENS) -> Logits:
        """One row of logits a window. batch_tokens: padded tokens of one call of the backend."""
        return run_in_batches(self._backend, windows, self._tokenizer.pad_id, batch_tokens)

    def decode(self, reading: Reading, logits: Logits, options: Options) -> list[Prediction]:
        """Predictions from the logits of every window, (windows, labels), of which each text takes
        the mean of its own. Raises PredictionError where they are not numbers."""
        counts = [len(text.windows) for text in reading.texts]
        starts = np.cumsum([0, *counts[:-1]])
        sums = np.add.reduceat(logits, starts, axis=0)
        means = sums / np.array(counts, dtype=np.float32)[:, None]
        scores = activate(means, self._temperature, options.activation)
        return [
            self._prediction(text, row, options)
            for text, row in zip(reading.texts, scores, strict=True)
        ]

    def explain(
        self, reading: Reading, predictions: Sequence[Prediction], run: Run
    ) -> list[Prediction]:
        """The same predictions with highlights. run: reads windows with words left out."""
        return [
            self._explained(text, prediction, run)
            for text, prediction in zip(reading.texts, predictions, strict=True)
        ]

    def _prediction(
        self, text: WindowedText, values: Probabilities, options: Options
    ) -> Prediction:
        order = np.argsort(-values, kind="stable")
        scores = [LabelScore(self.labels[index], float(values[index])) for index in order]
        return Prediction(
            label=scores[0].label,
            score=scores[0].score,
            scores=scores[: options.top_k],
            tokens=len(text.encoded.ids),
            windows=len(text.windows),
            truncated=text.truncated,
        )

    def _explained(self, text: WindowedText, prediction: Prediction, run: Run) -> Prediction:
        # Imported where it is asked for: a first answer rarely explains.
        from function.core.explanation import LogOdds, explain

        label = self.labels.index(prediction.label)

        def log_odds(contents: Sequence[TokenIds]) -> LogOdds:
            logits = run([self._tokenizer.with_special_tokens(content) for content in contents])
            scaled = logits.astype(np.float64) / self._temperature
            others = np.delete(scaled, label, axis=1)
            return np.asarray(scaled[:, label] - np.logaddexp.reduce(others, axis=1))

        return replace(prediction, highlights=explain(text.encoded, text.spans, log_odds))
