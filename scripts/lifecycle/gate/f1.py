"""F1 of whole entities: the figure that models which find them are known by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.lifecycle.gate.judgement import Finding
from scripts.lifecycle.gate.paired import RESAMPLES, SEED
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.wording import percent, points

REQUIREMENT = "F1"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EntityCounts:
    """(texts,) each: how many entities a text has, how many were found in it, how many of these
    are right in label and both edges."""

    true: Counts
    found: Counts
    right: Counts

    @property
    def f1(self) -> float:
        """Of all texts together (micro F1)."""
        return float(_f1(self.right.sum(), self.true.sum() + self.found.sum()))


def judge_f1(
    candidate: EntityCounts, champion: EntityCounts | None, settings: GateSettings
) -> Finding:
    """Refuse a fall of more than the margin that is not chance, and a first model below its floor.

    Entities stand close together in some texts and not at all in others, so F1 may fall where the
    share of exact texts does not.
    """
    if champion is None:
        holds = candidate.f1 >= settings.floor_f1
        sentence = (
            f"F1 of whole entities {percent(candidate.f1)}; at least {percent(settings.floor_f1)}."
        )
        return Finding(REQUIREMENT, "passed" if holds else "refused", sentence)
    difference = candidate.f1 - champion.f1
    low, high = bootstrap_interval(candidate, champion)
    refused = difference < -settings.margin and high < 0
    sentence = (
        f"F1 of whole entities {percent(candidate.f1)} beside the champion's "
        f"{percent(champion.f1)}, {points(difference)} points (95 % interval {points(low)} to "
        f"{points(high)}); a fall of more than {points(settings.margin)[1:]} points that is not "
        "chance refuses."
    )
    return Finding(REQUIREMENT, "refused" if refused else "passed", sentence)


def bootstrap_interval(candidate: EntityCounts, champion: EntityCounts) -> tuple[float, float]:
    """The 95 % percentile interval of the difference in F1, over texts drawn with replacement.

    Texts with the same five counts are interchangeable, so how often each *sort* of text is drawn
    is multinomial, and few numbers make up a resample however many the texts are (see
    `paired.bootstrap_interval`). The seed is fixed: the same answers give the same interval.
    """
    counts = np.stack(
        [candidate.true, candidate.found, candidate.right, champion.found, champion.right], axis=1
    )
    sorts, texts = np.unique(counts, axis=0, return_counts=True)
    rows = len(counts)
    draws = np.random.default_rng(SEED).multinomial(rows, texts / rows, size=RESAMPLES)
    true, found, right, champion_found, champion_right = (draws @ sorts).T
    differences = _f1(right, true + found) - _f1(champion_right, true + champion_found)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def _f1(right: Counts, true_and_found: Counts) -> npt.NDArray[np.float64]:
    """Zero where there is nothing to find and nothing was found."""
    return np.asarray(2 * right / np.maximum(true_and_found, 1))
