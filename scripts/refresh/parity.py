"""Comparison of an imported checkpoint with its export, by what its head makes of their logits."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from function.core.backend import Logits
from function.core.decoding import activate
from function.core.embedding import cosines, pool, unit
from function.core.heads import Decoding, EmbeddingDecoding, ScoreDecoding
from function.core.tokenization import TokenIds
from scripts.train.parity import (
    FLOOR,
    MOST_OF_SPREAD,
    ExportParity,
    Measure,
    measure_labels,
    measure_softmax,
)


def parity_measure(decoding: Decoding) -> Measure:
    """Return the measure of a head, of (texts, outputs) logits of the checkpoint and the export."""
    measure: Measure = MEASURES[decoding.kind](decoding)
    return measure


class ScoreParity(ExportParity):
    """Distance of numbers, which have no labels to agree on."""

    @property
    def problem(self) -> str:
        """See `ExportParity`."""
        if self.mean_difference <= max(FLOOR, MOST_OF_SPREAD * self.spread):
            return ""
        return (
            f"differs by {self.mean_difference:.4f} on {self.texts} texts, and the checkpoint's "
            f"own answers to them by no more than {self.spread:.4f} from their mean"
        )


def _measure_scores(decoding: ScoreDecoding, exact: Logits, served: Logits) -> ScoreParity:
    one, other = (
        activate(logits.astype(np.float64), decoding.activation) for logits in (exact, served)
    )
    difference, spread = np.abs(one - other), np.abs(one - one.mean())
    return ScoreParity(
        len(one), 1.0, float(difference.mean()), float(difference.max()), 0, float(spread.mean())
    )


class TagParity(ExportParity):
    """Distance of tags; `texts` are tokens."""

    @property
    def problem(self) -> str:
        """See `ExportParity`."""
        return super().problem.replace(" texts", " tokens")


def _measure_tags(exact: Logits, served: Logits) -> TagParity:
    return TagParity(**asdict(measure_softmax(exact, served)))


class EmbeddingParity(ExportParity):
    """Distance of vectors, as one less their cosine; `spread` is that from their mean."""

    @property
    def problem(self) -> str:
        """See `ExportParity`."""
        if self.mean_difference <= max(FLOOR, MOST_OF_SPREAD**2 * self.spread):
            return ""
        return (
            f"gives {self.texts} texts vectors with a cosine of {1 - self.mean_difference:.4f} to "
            f"the checkpoint's, whose own have {1 - self.spread:.4f} to their mean"
        )


class _EmbeddingMeasure:
    """Comparison of the vectors that a pooling makes of both models' tokens."""

    def __init__(self, decoding: EmbeddingDecoding) -> None:
        self._pooling = decoding.pooling

    def rows(self, outputs: Logits, mask: TokenIds) -> Logits:
        """Return one vector a text, as they are pooled where they are served."""
        windows = zip(outputs, mask.astype(bool), strict=True)
        return np.array([pool([each[kept]], self._pooling) for each, kept in windows])

    def __call__(self, exact: Logits, served: Logits) -> EmbeddingParity:
        apart, spread = 1 - cosines(exact, served), 1 - cosines(exact, unit(exact).mean(axis=0))
        return EmbeddingParity(
            *(len(exact), 1.0, float(apart.mean()), float(apart.max()), 0, float(spread.mean()))
        )


MEASURES: dict[str, Callable[[Any], Measure]] = {
    "softmax": lambda _: measure_softmax,
    "sigmoid": lambda decoding: partial(measure_labels, decoding),
    "argmax": lambda _: _measure_tags,
    "embedding": _EmbeddingMeasure,
    "score": lambda decoding: partial(_measure_scores, decoding),
}
