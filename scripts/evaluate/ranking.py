"""Numbers that a model gives to texts whose numbers are known, and how well they rank the texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from function.core.predictions import ScorePrediction
from function.core.predictor import Predictor
from scripts.data.scored_texts import ScoredTexts
from scripts.evaluate.evaluation import predict_shortest_first
from scripts.evaluate.paired import SEED

Numbers = npt.NDArray[np.float64]
AT_ONCE, RESAMPLES = 250, 2000


@dataclass(frozen=True)
class RankingEvaluation:
    """Answers compared with the truth, (texts,) each, in the order of the rows."""

    scores: Numbers
    truth: Numbers

    @property
    def ranks(self) -> tuple[Numbers, Numbers]:
        """Ranks of the answers and of the truth, ties at their mean rank."""
        return rankdata(self.scores), rankdata(self.truth)


def evaluate_ranking(predictor: Predictor, rows: ScoredTexts, *, title: str) -> RankingEvaluation:
    """Answer every text, in the rows' order."""
    found = cast("list[ScorePrediction]", predict_shortest_first(predictor, rows.texts, title))
    return compare_scores([each.score for each in found], rows)


def compare_scores(scores: Sequence[float], rows: ScoredTexts) -> RankingEvaluation:
    """Compare numbers with the truth of the same rows."""
    return RankingEvaluation(np.array(scores, np.float64), np.array(rows.scores, np.float64))


def ranking_figures(found: RankingEvaluation) -> dict[str, float]:
    """Return the figures that a manifest records of one data set."""
    low, high = interval(resampled_rho(found))
    return {
        "texts": float(len(found.truth)),
        "spearman": round(spearman(found), 5),
        "spearman_low": round(low, 5),
        "spearman_high": round(high, 5),
        "mean_absolute_error": round(float(np.abs(found.scores - found.truth).mean()), 5),
    }


def spearman(found: RankingEvaluation) -> float:
    """Return the correlation of the ranks (Spearman 1904); 0 where all answers are equal."""
    return float(_correlations(*found.ranks, np.ones((1, len(found.truth))))[0])


def resampled_rho(found: RankingEvaluation) -> Numbers:
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


def interval(resampled: Numbers) -> tuple[float, float]:
    """Return the 95 % percentile interval."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


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
