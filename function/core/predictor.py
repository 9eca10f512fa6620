"""One loaded model: text in, predictions out."""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from function.core.artifact import Artifact
from function.core.backend import Backend, Logits, run_in_batches
from function.core.classification import classified
from function.core.decoders import DECODERS
from function.core.errors import BatchTooLargeError, InputError
from function.core.reading import Reading, Run, WindowedText
from function.core.tokenization import EncodedText, TextTokenizer, TokenIds, window_spans
from function.core.types import AnyPrediction, Options, Prediction, Timings

BATCH_TOKENS = 4096  # padded tokens of one backend call; more only costs memory on a CPU


def open_predictor(
    artifact: Artifact, load_backend: Callable[[Artifact], Backend], max_windows: int
) -> "Predictor":
    """Load an artifact that was verified. Raises ArtifactError."""
    casing = artifact.manifest.tokenization.casing
    tokenizer = TextTokenizer(artifact.file("tokenizer"), casing=casing)
    return Predictor(artifact, tokenizer, load_backend(artifact), max_windows)


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
        self._decoder = DECODERS[artifact.manifest.task](artifact, tokenizer)

    def predict(
        self, texts: Sequence[str], options: Options
    ) -> tuple[list[AnyPrediction], Timings]:
        """Answer every text. Raises InputError, BatchTooLargeError, PredictionError."""
        started = perf_counter()
        reading = self.read(texts, options)
        read = perf_counter()
        outputs = self.run(reading.windows)
        inferred = perf_counter()
        predictions = self.decode(reading, outputs, options)
        decoded = perf_counter()
        if options.explain:
            predictions = self.explain(reading, predictions, self.run)
        explained = perf_counter() if options.explain else decoded
        return predictions, Timings(
            tokenization_ms=1000 * (read - started),
            queue_ms=0.0,
            inference_ms=1000 * (inferred - read),
            decoding_ms=1000 * (decoded - inferred),
            explanation_ms=1000 * (explained - decoded),
            total_ms=1000 * (explained - started),
        )

    def classify(self, texts: Sequence[str], options: Options | None = None) -> list[Prediction]:
        """The labels of texts alone. Raises what `predict` does, and InputError where the model
        finds entities."""
        return classified(self.predict(texts, options or Options())[0])

    @property
    def slow_to_decode(self) -> bool:
        """See `core.decoders.Decoder`."""
        return self._decoder.slow

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
        self._decoder.check(options)
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
        reading = Reading(windowed)
        total = self.cost(reading, options)
        if total > self._max_windows:
            what = "explaining these texts takes" if options.explain else "these texts take"
            raise BatchTooLargeError(
                f"{what} {total} windows of {settings.max_tokens} tokens; one request may take "
                f"{self._max_windows}: send fewer or shorter texts"
            )
        return reading

    def cost(self, reading: Reading, options: Options) -> int:
        """The most windows that answering takes, explanations included."""
        read = sum(len(text.windows) for text in reading.texts)
        return read + (self._decoder.explaining(reading) if options.explain else 0)

    def run(self, windows: Sequence[TokenIds], batch_tokens: int = BATCH_TOKENS) -> list[Logits]:
        """Each window's logits. batch_tokens: padded tokens of one call of the backend."""
        return run_in_batches(self._backend, windows, self._tokenizer.pad_id, batch_tokens)

    def decode(
        self, reading: Reading, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return self._decoder.decode(reading, outputs, options)

    def explain(
        self, reading: Reading, predictions: Sequence[AnyPrediction], run: Run
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return self._decoder.explain(reading, predictions, run)
