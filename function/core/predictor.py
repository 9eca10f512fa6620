"""Loaded model: from texts to predictions."""

import math
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from function.core.artifact import Artifact
from function.core.backend import Backend, Logits, run_in_batches
from function.core.cascade import FirstAnswer, FirstStage, open_first_stage
from function.core.classification import classified
from function.core.decoders import open_decoder
from function.core.errors import ArtifactError, BatchTooLargeError, InputError
from function.core.manifest import MANIFEST
from function.core.pace import MEASURED_TOKENS, Pace
from function.core.predictions import AnyPrediction, Prediction
from function.core.tokenization import (
    EncodedPair,
    EncodedText,
    Text,
    TextPair,
    TextTokenizer,
    TokenIds,
)
from function.core.types import Options, Timings
from function.core.windows import ModelInputs, RunWindows, WindowedText, cut_pair, cut_text

ESTIMATED_TOKENS = 8192  # requests of fewer are not estimated
BATCH_TOKENS = 4096  # padded tokens of one backend call; on a CPU more only costs memory


def load_predictor(
    artifact: Artifact,
    load_backend: Callable[[Artifact], Backend],
    max_windows: int,
    *,
    max_seconds: float = math.inf,
    cascade: bool = True,
) -> "Predictor":
    """Load a verified artifact; raises ArtifactError if a file cannot be used.

    `max_windows` and `max_seconds` limit one request, all its texts together. Without its `cascade`
    the full model reads every text.
    """
    settings = artifact.manifest.tokenization
    tokenizer = TextTokenizer(
        artifact.file("tokenizer"), casing=settings.casing, segments=settings.segments
    )
    first_stage = open_first_stage(artifact) if cascade else None
    special = tokenizer.pair_special_tokens + 1 if settings.pairs else tokenizer.special_tokens
    if special + settings.stride >= settings.max_tokens:
        raise ArtifactError(
            f"{artifact.path.name}/{MANIFEST}: tokenization: windows of {settings.max_tokens} "
            f"tokens have no room for {special} special ones and a stride of "
            f"{settings.stride}"
        )
    return Predictor(
        artifact,
        tokenizer,
        load_backend(artifact),
        max_windows,
        first_stage,
        max_seconds=max_seconds,
    )


class Predictor:
    """Tokenizer, backend and decoder of a model.

    `predict` runs all stages at once. An engine that batches requests runs them one by one.
    """

    def __init__(
        self,
        artifact: Artifact,
        tokenizer: TextTokenizer,
        backend: Backend,
        max_windows: int,
        first_stage: FirstStage | None = None,
        *,
        max_seconds: float = math.inf,
    ) -> None:
        self.artifact, self.pace, self._max_seconds = artifact, Pace(), max_seconds
        self.labels = artifact.manifest.labels
        self._tokenizer, self._backend, self._max_windows = tokenizer, backend, max_windows
        self._settings = artifact.manifest.tokenization
        self._first_stage = first_stage
        self._decoder = open_decoder(artifact, tokenizer)

    def predict(
        self, texts: Sequence[Text], options: Options
    ) -> tuple[list[AnyPrediction], Timings]:
        """Predict every text; raises what `encode` does.

        Also raises PredictionError if the model returns numbers that are not finite.
        """
        started = perf_counter()
        inputs = self.encode(texts, options)
        encoded = perf_counter()
        outputs = self.run(inputs.windows)
        inferred = perf_counter()
        self.pace.record(sum(map(len, inputs.windows)), inferred - encoded)
        predictions = self.decode(inputs, outputs, options)
        decoded = perf_counter()
        if options.explain:
            predictions = self.explain(inputs, predictions, self.run)
        explained = perf_counter() if options.explain else decoded
        return predictions, Timings.between(started, encoded, inferred, decoded, explained)

    def classify(self, texts: Sequence[Text], options: Options | None = None) -> list[Prediction]:
        """Predict every text with a text classifier, without timings.

        Raises InputError if the model has another task, and what `predict` raises.
        """
        return classified(self.predict(texts, options or Options())[0])

    @property
    def trial(self) -> Text:
        """Return a text, or a pair where the model reads those, to warm the model up with."""
        return TextPair("warm", "up") if self._settings.pairs else "warm"

    @property
    def has_first_stage(self) -> bool:
        """Return whether a first stage answers the texts of which it is sure."""
        return self._first_stage is not None

    @property
    def slow_to_decode(self) -> bool:
        """See `core.decoders.Decoder`."""
        return self._decoder.slow

    @property
    def tokenizer(self) -> TextTokenizer:
        """Return the model's tokenizer."""
        return self._tokenizer

    @property
    def max_tokens(self) -> int:
        """Return the token limit of one window, special tokens included."""
        return self._settings.max_tokens

    def blank_window(self, tokens: int) -> TokenIds:
        """Return a window of padding with a given length, to test the backend with."""
        content = max(0, tokens - self._tokenizer.special_tokens)
        return self._tokenizer.with_special_tokens(
            np.full(content, self._tokenizer.pad_id, dtype=np.int64)
        )

    def last_window(self) -> TokenIds:
        """Return a window of the vocabulary's last token, which the model must know as well."""
        return self._tokenizer.with_special_tokens(np.array([self._tokenizer.last_id]))

    def tokenise(self, text: str) -> EncodedText:
        """Return the tokens and words of one text."""
        return self._tokenizer.encode([text])[0]

    def encode(self, texts: Sequence[Text], options: Options) -> ModelInputs:
        """Tokenise texts and cut them into windows.

        Raises:
            InputError: A text is empty, or a text or an option does not fit the model.
            BatchTooLargeError: The texts take too many windows, or too much time.
        """
        self._decoder.check(options)
        settings = self._settings
        self._check(texts, options)
        windowed = []
        texts = self._decoder.prepare(texts, options)
        for index, encoded in enumerate(self._tokenizer.encode(texts)):
            if encoded.empty:
                raise InputError(f"text {index} is empty: send at least one word")
            first = self._answer_first(encoded, options)
            # It has a probability, and no logits on the model's scale.
            if first and first.sure and options.activation in (None, "softmax"):
                windowed.append(WindowedText(encoded, [], [], first))
            elif isinstance(encoded, EncodedPair):
                windowed.append(cut_pair(index, encoded, self._tokenizer, settings, options))
            else:
                windowed.append(cut_text(encoded, self._tokenizer, settings, options, first))
        inputs = ModelInputs(windowed)
        self._decoder.check_size(inputs, options)
        total = self.cost(inputs, options)
        what = "explaining these texts takes" if options.explain else "these texts take"
        if total > self._max_windows:
            raise BatchTooLargeError(
                f"{what} {total} windows of {settings.max_tokens} tokens; one request may take "
                f"{self._max_windows}: send fewer or shorter texts"
            )
        seconds = self._estimate_seconds(inputs, total)
        if seconds > self._max_seconds:
            raise BatchTooLargeError(
                f"{what} about {seconds:.0f} s; one request may take {self._max_seconds:.0f}: send "
                "fewer or shorter texts"
            )
        return inputs

    def _check(self, texts: Sequence[Text], options: Options) -> None:
        """Raise InputError unless texts and options are of the kind that the model reads."""
        pairs = self._settings.pairs
        if pairs and options.explain:
            raise InputError("explain: no words of pairs of texts are weighed: leave it out")
        if all(isinstance(text, TextPair) == pairs for text in texts):
            return
        if pairs:
            form = '{"text": "…", "text_pair": "…"}'
            raise InputError(f"this model reads pairs of texts: send each as {form}")
        raise InputError("this model reads single texts: send each without a `text_pair`")

    def _estimate_seconds(self, inputs: ModelInputs, windows: int) -> float:
        """Return the seconds that these windows take; 0 for few, which need no estimate."""
        lengths = [len(window) for window in inputs.windows]
        explained = (windows - len(lengths)) * max(lengths, default=self._settings.max_tokens)
        tokens = sum(lengths) + explained
        if tokens < ESTIMATED_TOKENS or self._max_seconds == math.inf:
            return 0.0
        if not self.pace.seconds_per_token:
            sample = [self.blank_window(self.max_tokens)] * math.ceil(
                MEASURED_TOKENS / self.max_tokens
            )
            begun = perf_counter()
            self.run(sample)
            self.pace.record(sum(map(len, sample)), perf_counter() - begun)
        return tokens * self.pace.seconds_per_token

    def _answer_first(self, encoded: EncodedText, options: Options) -> FirstAnswer | None:
        """Ask the first stage; None if there is none, or text or options leave it no say."""
        stage, ids = self._first_stage, encoded.ids
        if stage is None or options.cascade == "off" or not stage.reads(ids):
            return None
        # It reads whole texts: it has no answer to a part of one.
        whole = len(ids) <= self._capacity or options.long_text in (None, "window")
        return stage.answer(ids) if whole else None

    @property
    def _capacity(self) -> int:
        """Return the content tokens of one window."""
        return self._settings.max_tokens - self._tokenizer.special_tokens

    def cost(self, inputs: ModelInputs, options: Options) -> int:
        """Return the most windows that predicting may run, explanations included."""
        own = sum(len(text.windows) for text in inputs.texts)
        return own + (self._decoder.explanation_cost(inputs) if options.explain else 0)

    def run(self, windows: Sequence[TokenIds], batch_tokens: int = BATCH_TOKENS) -> list[Logits]:
        """Return each window's logits; see `core.backend.run_in_batches`."""
        return run_in_batches(self._backend, windows, self._tokenizer.pad_id, batch_tokens)

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return self._decoder.decode(inputs, outputs, options)

    def explain(
        self, inputs: ModelInputs, predictions: Sequence[AnyPrediction], run: RunWindows
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return self._decoder.explain(inputs, predictions, run)
