"""Answers of a model that gives a text a number, and how well the numbers rank the texts.

Models may count in other units, so texts are ranked: each is compared with one other of another
true score. No text is in two pairs, since pairs that share one are right or wrong together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from scripts.data.truth import TextRows
from scripts.evaluate.answers import Answers, Predictions, ShownAnswer
from scripts.evaluate.paired import SEED, Right, percentile_interval

Numbers = npt.NDArray[np.float64]
AT_ONCE, RESAMPLES = 250, 2000


@dataclass(frozen=True)
class ScoreAnswers(Answers[float]):
    """See `Answers`. A text is answered rightly where it and its partner are ranked rightly."""

    key = "score"
    measure = "share of pairs ranked right"

    scores: Numbers  # (texts,)
    truth: Numbers

    @classmethod
    def compare(
        cls,
        predictions: Predictions,
        rows: TextRows[float],
        labels: Sequence[str],  # noqa: ARG003
    ) -> Self:
        scores = [each["score"] for each in predictions]
        return cls(np.array(scores, np.float64), np.array(rows.truth, np.float64))

    @property
    def ranks(self) -> tuple[Numbers, Numbers]:
        """Ranks of the answers and of the truth, ties at their mean rank."""
        return rankdata(self.scores), rankdata(self.truth)

    @property
    def right(self) -> Right:
        scores, truth, partner = self.scores, self.truth, self.partners
        return np.asarray(np.sign(scores - scores[partner]) == np.sign(truth - truth[partner]))

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """See `Answers`: one text of each pair."""
        return np.asarray(self.partners > np.arange(len(self.truth)))

    @cached_property
    def partners(self) -> npt.NDArray[np.int64]:
        """(texts,) another text of another true score, which is its alone; itself where none is.

        Drawn once, so that two models are compared on the same pairs.
        """
        partners = np.arange(len(self.truth))
        waiting: list[int] = []  # for a partner, all of one score
        for row in np.random.default_rng(SEED).permutation(len(self.truth)).tolist():
            if not waiting or self.truth[waiting[-1]] == self.truth[row]:
                waiting.append(row)
                continue
            other = waiting.pop()
            partners[row], partners[other] = other, row
        return partners

    @cached_property
    def figures(self) -> dict[str, float]:
        low, high = percentile_interval(resampled_rho(self))
        return {
            "texts": float(len(self.truth)),
            "spearman": round(spearman(self), 5),
            "spearman_low": round(low, 5),
            "spearman_high": round(high, 5),
            "mean_absolute_error": round(float(np.abs(self.scores - self.truth).mean()), 5),
        }

    @property
    def support(self) -> Numbers:
        """(texts,) 1 where the rank is the true one, less the further it is away."""
        ranks, true = self.ranks
        return np.asarray(1 - np.abs(ranks - true) / (len(true) - 1))

    def show(self, row: int) -> ShownAnswer:
        return ShownAnswer(f"{self.truth[row]:.4g}", f"{self.scores[row]:.4g}", None)


def spearman(found: ScoreAnswers) -> float:
    """Return the correlation of the ranks (Spearman 1904); 0 where all answers are equal."""
    return float(_correlations(*found.ranks, np.ones((1, len(found.truth))))[0])


def resampled_rho(found: ScoreAnswers) -> Numbers:
    """Return Spearman's rho on texts drawn with replacement, (resamples,).

    Ranks are those of the whole set. The seed is fixed: two models of the same rows are compared on
    the same draws.
    """
    rows = len(found.truth)
    generator = np.random.default_rng(SEED)
    return np.concatenate(
        [
            _correlations(
                *found.ranks, generator.multinomial(rows, np.full(rows, 1 / rows), size=AT_ONCE)
            )
            for _ in range(RESAMPLES // AT_ONCE)
        ]
    )


def _correlations(one: Numbers, other: Numbers, counts: npt.NDArray[np.number]) -> Numbers:
    """Return the correlation for each row of counts, (resamples, texts)."""
    total = counts.sum(axis=1)

    def mean(values: Numbers) -> Numbers:
        return np.asarray(counts @ values / total)

    covariance = mean(one * other) - mean(one) * mean(other)
    variances = (mean(each**2) - mean(each) ** 2 for each in (one, other))
    product = np.prod([np.maximum(each, 0) for each in variances], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(product > 0, covariance / np.sqrt(product), 0.0)
