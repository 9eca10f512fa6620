"""A window in slices of time: when it changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from scripts.drift.distributions import Distribution, FeedbackCounts, Reference
from scripts.drift.prediction_log import PredictionLog
from scripts.drift.verdict import (
    ACCURACY,
    ERROR,
    FEWEST,
    Comparison,
    DriftVerdict,
    FeatureResult,
    compare_accuracy,
    compare_distributions,
    judge_drift,
    least_effect,
)

MOST_SLICES = 12
# Texts of a slice; in fewer even a change that matters drowns in chance.
SMALLEST_SLICE = 2 * FEWEST


@dataclass(frozen=True)
class TimeSlice:
    """Consecutive texts. began, ended: the times of the first and the last."""

    began: datetime
    ended: datetime
    verdict: DriftVerdict

    def effect(self, feature: str) -> float:
        """Return the distance of a feature from the reference; NaN if it was not measured."""
        found = [each for each in self.verdict.results if each.feature == feature]
        return found[0].effect if found else float("nan")


@dataclass(frozen=True)
class ChangePoint:
    """The time at which a feature changed, and whether it became worse."""

    at: datetime
    worse: bool


def slice_window(reference: Reference, log: PredictionLog) -> list[TimeSlice]:
    """Return up to twelve slices with the same number of texts; none if the window is small."""
    count = min(MOST_SLICES, len(log) // SMALLEST_SLICE)
    if count < 2:
        return []
    return [
        TimeSlice(log.time(rows[0]), log.time(rows[-1]), judge_drift(reference, log.select(rows)))
        for rows in np.array_split(np.arange(len(log)), count)
    ]


def find_change(slices: Sequence[TimeSlice], result: FeatureResult) -> ChangePoint | None:
    """Find where the two parts of a window differ most, relative to what chance explains.

    The parts meet where two slices do. Returns None if no two parts differ by more than matters.
    """
    splits = [
        (compared.effect / max(compared.band, 1e-9), number)
        for number, compared in _compare_parts(slices, result.feature)
        if compared.effect > max(least_effect(result.feature), compared.band)
    ]
    if not splits:
        return None
    _, number = max(splits)
    before, after = (
        float(np.nanmean([each.effect(result.feature) for each in part]))
        for part in (slices[:number], slices[number:])
    )
    return ChangePoint(slices[number].began, worse=not after < before)


def _compare_parts(slices: Sequence[TimeSlice], feature: str) -> Iterator[tuple[int, Comparison]]:
    """Compare the slices before each number with those from it on."""
    for number in range(1, len(slices)):
        parts = (slices[:number], slices[number:])
        if feature == ACCURACY:
            before, after = (_feedback(part) for part in parts)
            if min(before.judged, after.judged) >= FEWEST:
                yield number, compare_accuracy(before, after, beyond=ERROR)
        else:
            earlier, later = (_distribution(part, feature) for part in parts)
            if earlier and later:
                yield number, compare_distributions(earlier, later, beyond=ERROR)


def _feedback(part: Sequence[TimeSlice]) -> FeedbackCounts:
    known = [each.verdict.feedback for each in part if each.verdict.feedback]
    return FeedbackCounts(sum(each.right for each in known), sum(each.judged for each in known))


def _distribution(part: Sequence[TimeSlice], feature: str) -> Distribution | None:
    found = [each.verdict.window[feature] for each in part if feature in each.verdict.window]
    counts = np.sum([each.counts for each in found], axis=0)
    return replace(found[0], counts=counts) if found else None
