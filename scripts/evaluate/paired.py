"""Two models on the same rows: how far apart they may truly be."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

Right = npt.NDArray[np.bool_]

RESAMPLES = 10_000
SEED = 20_260_101


@dataclass(frozen=True)
class Paired:
    """Share of right answers of the candidate less the champion's, in [-1, 1]."""

    rows: int
    gained: int  # rows that only the candidate answers rightly
    lost: int  # rows that only the champion answers rightly
    difference: float  # (gained - lost) / rows
    low: float  # lower end of the 95 % bootstrap interval of the difference
    high: float
    p_value: float  # McNemar's

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def compare_paired(candidate_right: Right, champion_right: Right) -> Paired:
    """Compare answers row by row; both are (rows,) in the same order, at least one row.

    Pairing takes out what both find hard, so that far fewer rows decide than two separate
    intervals would need.
    """
    rows = len(candidate_right)
    gained = int((candidate_right & ~champion_right).sum())
    lost = int((champion_right & ~candidate_right).sum())
    low, high = bootstrap_interval(gained, lost, rows)
    p_value = mcnemar(gained, lost)
    return Paired(rows, gained, lost, (gained - lost) / rows, low, high, p_value)


def bootstrap_interval(gained: int, lost: int, rows: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean difference over rows (Efron 1979).

    A row's difference is -1, 0 or 1. Drawing `rows` of them with replacement gives counts of the
    three values that are multinomial with the observed shares, so one multinomial draw *is* one
    bootstrap resample, at no cost that grows with the rows. The seed is fixed: the same answers
    give the same interval.
    """
    shares = np.array([lost, rows - gained - lost, gained]) / rows
    draws = np.random.default_rng(SEED).multinomial(rows, shares, size=RESAMPLES)
    return percentile_interval((draws[:, 2] - draws[:, 0]) / rows)


def percentile_interval(resampled: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a figure of resampled rows."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value (McNemar 1947) of `gained + lost` tosses of a fair coin.

    It is the chance of a split as uneven as this one or more.
    """
    tosses = gained + lost
    return float(binomtest(gained, tosses).pvalue) if tosses else 1.0


def holm(p_values: Mapping[str, float], level: float = 0.05) -> list[str]:
    """Return the names whose p-values are significant together (Holm 1979), smallest first."""
    significant: list[str] = []
    for name, p_value in sorted(p_values.items(), key=itemgetter(1)):
        if p_value > level / (len(p_values) - len(significant)):
            break
        significant.append(name)
    return significant
