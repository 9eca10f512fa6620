"""Embeddings: one vector a text, pooled from the vectors of its tokens.

outputs of windows ─► a vector each, by the pooling ─► their mean, weighted by tokens ─► length 1
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.decoders import Decoder
from function.core.errors import BatchTooLargeError, InputError, PredictionError
from function.core.heads import EmbeddingDecoding, Pooling
from function.core.predictions import AnyPrediction, EmbeddingPrediction
from function.core.tokenization import Text, TextTokenizer, strings_of
from function.core.types import Options
from function.core.windows import ModelInputs, WindowedText
from function.core.word_emissions import token_emissions

Vectors = npt.NDArray[np.float64]

# One vector of a window's, (tokens, dimensions), special tokens included: those of
# sentence-transformers.
POOLINGS: dict[Pooling, Callable[[Vectors], Vectors]] = {
    "mean": lambda tokens: np.asarray(tokens.mean(axis=0)),
    "cls": lambda tokens: tokens[0],
    "max": lambda tokens: np.asarray(tokens.max(axis=0)),
    "lasttoken": lambda tokens: tokens[-1],
    "mean_sqrt_len_tokens": lambda tokens: np.asarray(tokens.sum(axis=0) / len(tokens) ** 0.5),
    "weightedmean": lambda tokens: np.average(
        tokens, axis=0, weights=np.arange(1, len(tokens) + 1)
    ),
}
MOST_NUMBERS = 2_000_000  # of one answer, about 25 MB of JSON
DIGITS = 8  # after the point, of an answer: as fine as single precision, and half the bytes


def pool(windows: Sequence[Logits], pooling: Pooling) -> Vectors:
    """Return the vector of the windows of a text, (tokens, dimensions) each."""
    each = [POOLINGS[pooling](window.astype(np.float64)) for window in windows]
    return np.asarray(np.average(each, axis=0, weights=[len(window) for window in windows]))


def unit(vectors: npt.ArrayLike) -> Vectors:
    """Return vectors, (..., dimensions), scaled to the length 1; those of zeros stay."""
    given = np.asarray(vectors, dtype=np.float64)
    lengths = np.sqrt(np.square(given).sum(axis=-1, keepdims=True))  # `linalg` is imported late
    return np.asarray(given / np.maximum(lengths, 1e-12))


def cosines(one: npt.ArrayLike, other: npt.ArrayLike) -> Vectors:
    """Return the cosine similarities of vectors, (..., dimensions), row by row."""
    return np.asarray((unit(one) * unit(other)).sum(axis=-1))


class Embedder(Decoder):
    """Decoder of embeddings."""

    refusals: ClassVar = {
        **dict.fromkeys(
            ("explain", "top_k", "cascade"),
            "explain, top_k, cascade: this model gives texts vectors, not labels",
        ),
        **dict.fromkeys(
            ("grouping", "outside", "aggregation"),
            "this model gives texts vectors: it labels no words",
        ),
    }

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        super().__init__(artifact, tokenizer)
        self._decoding = cast("EmbeddingDecoding", artifact.manifest.decoding)
        self._prefix, self._suffix = len(tokenizer.prefix), len(tokenizer.suffix)

    def check(self, options: Options) -> None:
        """See `core.decoders.Decoder`."""
        super().check(options)
        wanted, prompts = options.embedding, self._decoding.prompts
        if wanted.prompt is not None and wanted.prompt not in prompts:
            known = ", ".join(prompts) or "none"
            raise InputError(f"prompt_name: this model has no such prompt; it has {known}")
        if wanted.dimensions is not None and not 0 < wanted.dimensions <= self._decoding.dimensions:
            raise InputError(f"dimensions: send a number from 1 to {self._decoding.dimensions}")

    def prepare(self, texts: Sequence[Text], options: Options) -> Sequence[Text]:
        """See `core.decoders.Decoder`."""
        name = options.embedding.prompt or self._decoding.default_prompt
        for index, text in enumerate(texts if name else ()):
            letters = any(map(str.isalnum, "".join(strings_of(text))))
            # A prompt before it would hide that it has no token.
            if not letters and self._tokenizer.encode([text])[0].empty:
                raise InputError(f"text {index} is empty: send at least one word")
        # Only text classification reads pairs: each is a string.
        return [f"{self._decoding.prompts[name]}{text}" for text in texts] if name else texts

    def check_size(self, inputs: ModelInputs, options: Options) -> None:
        """See `core.decoders.Decoder`. Vectors of all tokens are a thousand times a text's own."""
        if not options.embedding.by_token:
            return
        tokens = sum(len(text.encoded.ids) for text in inputs.texts)
        if tokens * self._decoding.dimensions > MOST_NUMBERS:
            raise BatchTooLargeError(
                f"these texts have {tokens} tokens, whose vectors take "
                f"{self._decoding.dimensions} numbers each; one answer may have {MOST_NUMBERS}: "
                "send fewer or shorter texts"
            )

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return [self._prediction(text, own, options) for text, own in inputs.by_text(outputs)]

    def _prediction(
        self, text: WindowedText, outputs: Sequence[Logits], options: Options
    ) -> EmbeddingPrediction:
        wanted = options.embedding
        vector = pool(outputs, self._decoding.pooling)[: wanted.dimensions]
        if not np.isfinite(vector).all():
            raise PredictionError("the model answered with numbers that are not finite")
        if self._decoding.normalize if wanted.normalize is None else wanted.normalize:
            vector = unit(vector)
        by_token = self._by_token(text, outputs) if wanted.by_token else None
        return EmbeddingPrediction(
            embedding=vector.round(DIGITS).tolist(),
            **text.figures,
            token_embeddings=None if by_token is None else by_token.round(DIGITS).tolist(),
        )

    def _by_token(self, text: WindowedText, outputs: Sequence[Logits]) -> Vectors:
        """Return the vectors of a text's tokens, each once, between its special tokens'."""
        content, covered = token_emissions(text, outputs, self._prefix)
        first, last = outputs[0], outputs[-1]
        return np.concatenate(
            (first[: self._prefix], content[covered], last[len(last) - self._suffix :])
        )
