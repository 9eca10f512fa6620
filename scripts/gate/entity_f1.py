"""F1 of whole entities: the figure that models which find them are known by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.evaluate.paired import RESAMPLES, SEED
from scripts.gate.judgement import Finding, percent, points
from scripts.gate.settings import GateSettings

REQUIREMENT = "F1"
AT_ONCE = 250  # resamples; with 5,000 sorts of texts 10 MB

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EntityCounts:
    """(texts,) each: how many entities a text has, how many were found in it, how many of these
    are right in label and both edges.
    """

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
    share of exact texts does not. Where few texts carry a fall, chance cannot be told from loss,
    and nothing is decided.
    """
    if champion is None:
        return _judge_floor(candidate, settings)
    difference = candidate.f1 - champion.f1
    low, high = difference_interval(candidate, champion)
    sentence = (
        f"F1 of whole entities {percent(candidate.f1)} beside the champion's "
        f"{percent(champion.f1)}, {points(difference)} points (95 % interval {points(low)} to "
        f"{points(high)}); a fall of more than {points(settings.margin)[1:]} points that is not "
        "chance refuses."
    )
    if difference >= -settings.margin:
        return Finding(REQUIREMENT, "passed", sentence)
    if high < 0:
        return Finding(REQUIREMENT, "refused", sentence)
    return Finding(
        REQUIREMENT,
        "underpowered",
        f"{sentence} Too few texts carry this fall to tell it from chance; more texts of their "
        "kind in the golden set could.",
    )


def _judge_floor(candidate: EntityCounts, settings: GateSettings) -> Finding:
    """As `accuracy.judge_floor` judges exact texts."""
    low, high = f1_interval(candidate)
    sentence = (
        f"F1 of whole entities {percent(candidate.f1)}, 95 % interval {percent(low)} to "
        f"{percent(high)}; all of it must reach the floor of {percent(settings.floor_f1)} that "
        "holds for a first model."
    )
    if low >= settings.floor_f1:
        return Finding(REQUIREMENT, "passed", sentence)
    if candidate.f1 < settings.floor_f1:
        return Finding(REQUIREMENT, "refused", sentence)
    return Finding(REQUIREMENT, "underpowered", f"{sentence} These texts are too few to tell.")


def f1_interval(counts: EntityCounts) -> tuple[float, float]:
    """The 95 % percentile interval of F1, over texts drawn with replacement."""
    true, found, right = _resampled([counts.true, counts.found, counts.right])
    return _interval(_f1(right, true + found))


def difference_interval(candidate: EntityCounts, champion: EntityCounts) -> tuple[float, float]:
    """The 95 % percentile interval of the difference in F1, over texts drawn with replacement."""
    true, found, right, champion_found, champion_right = _resampled(
        [candidate.true, candidate.found, candidate.right, champion.found, champion.right]
    )
    return _interval(_f1(right, true + found) - _f1(champion_right, true + champion_found))


def _resampled(columns: Sequence[Counts]) -> Counts:
    """(columns, resamples) of sums over as many texts as there are.

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


def _interval(resampled: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _f1(right: Counts, true_and_found: Counts) -> npt.NDArray[np.float64]:
    """Zero where there is nothing to find and nothing was found."""
    return np.asarray(2 * right / np.maximum(true_and_found, 1))
