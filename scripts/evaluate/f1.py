"""F1 of entities or labels, counted text by text, and its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.evaluate.paired import RESAMPLES, SEED, percentile_interval

AT_ONCE = 250  # resamples; with 5,000 sorts of texts 10 MB

TextCounts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class F1Counts:
    """Counts per text, (texts,) each, of entities or labels."""

    true: TextCounts  # that the text has
    found: TextCounts  # that were found in it
    right: TextCounts  # of those found, the ones that are right

    @property
    def f1(self) -> float:
        """F1 of all texts together (micro F1)."""
        return float(_f1(self.right.sum(), self.true.sum() + self.found.sum()))


def f1_interval(counts: F1Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of F1, over texts drawn with replacement."""
    true, found, right = _resampled([counts.true, counts.found, counts.right])
    return percentile_interval(_f1(right, true + found))


def difference_interval(candidate: F1Counts, champion: F1Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the difference in F1, over resampled texts."""
    true, found, right, champion_found, champion_right = _resampled(
        [candidate.true, candidate.found, candidate.right, champion.found, champion.right]
    )
    return percentile_interval(
        _f1(right, true + found) - _f1(champion_right, true + champion_found)
    )


def _resampled(columns: Sequence[TextCounts]) -> TextCounts:
    """Return (columns, resamples) of sums over as many texts as there are.

    Texts with the same counts are interchangeable, so how often each *sort* of text is drawn is
    multinomial, and few numbers make up a resample however many the texts are (see
    `paired.bootstrap_interval`). The seed is fixed: the same answers give the same interval.
    """
    counts = np.stack(columns, axis=1)
    sorts, texts = np.unique(counts, axis=0, return_counts=True)
    generator = np.random.default_rng(SEED)
    drawn = [
        generator.multinomial(len(counts), texts / len(counts), size=AT_ONCE) @ sorts
        for _ in range(RESAMPLES // AT_ONCE)
    ]
    return np.concatenate(drawn).T


def _f1(right: TextCounts, true_and_found: TextCounts) -> npt.NDArray[np.float64]:
    """Return F1; 0 where there is nothing to find and nothing was found."""
    return np.asarray(2 * right / np.maximum(true_and_found, 1))
