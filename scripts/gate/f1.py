"""F1 of what a golden set's texts have and a model finds, entities or labels, and its limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.evaluate.paired import RESAMPLES, SEED
from scripts.gate.judgement import (
    RequirementResult,
    format_share,
    judge_fall,
    judge_first,
    points,
)
from scripts.gate.settings import GateSettings

REQUIREMENT = "F1"
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


def judge_f1(
    of: str, candidate: F1Counts, champion: F1Counts | None, settings: GateSettings
) -> RequirementResult:
    """Refuse a significant fall of more than the margin, and a first model below its floor.

    `of` names what is counted. Entities stand close together in some texts and not at all in
    others, so F1 may fall where the share of exact texts does not.
    """
    if champion is None:
        return _judge_floor(of, candidate, settings)
    difference = candidate.f1 - champion.f1
    low, high = difference_interval(candidate, champion)
    sentence = (
        f"F1 of {of} {format_share(candidate.f1)} compared with the champion's "
        f"{format_share(champion.f1)}, {points(difference)} points (95 % interval {points(low)} to "
        f"{points(high)}); a fall of more than {points(settings.margin)[1:]} points that is not "
        "chance refuses."
    )
    return judge_fall(REQUIREMENT, sentence, difference, high, settings.margin)


def _judge_floor(of: str, candidate: F1Counts, settings: GateSettings) -> RequirementResult:
    """Judge a first model, as `requirements.judge_floor` judges the share of exact texts."""
    low, high = f1_interval(candidate)
    sentence = (
        f"F1 of {of} {format_share(candidate.f1)}, 95 % interval {format_share(low)} to "
        f"{format_share(high)}; all of it must reach the floor of "
        f"{format_share(settings.floor_f1)} that holds for a first model."
    )
    return judge_first(REQUIREMENT, sentence, (candidate.f1, low), settings.floor_f1, "floor_f1")


def f1_interval(counts: F1Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of F1, over texts drawn with replacement."""
    true, found, right = _resampled([counts.true, counts.found, counts.right])
    return _interval(_f1(right, true + found))


def difference_interval(candidate: F1Counts, champion: F1Counts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the difference in F1, over resampled texts."""
    true, found, right, champion_found, champion_right = _resampled(
        [candidate.true, candidate.found, candidate.right, champion.found, champion.right]
    )
    return _interval(_f1(right, true + found) - _f1(champion_right, true + champion_found))


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


def _interval(resampled: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _f1(right: TextCounts, true_and_found: TextCounts) -> npt.NDArray[np.float64]:
    """Return F1; 0 where there is nothing to find and nothing was found."""
    return np.asarray(2 * right / np.maximum(true_and_found, 1))
