"""A window slice by slice: when it became as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from scripts.drift.distributions import Answers, Distribution, Reference
from scripts.drift.prediction_log import PredictionLog
from scripts.drift.verdict import (
    ACCURACY,
    ERROR,
    FEWEST,
    LEAST_INDEX,
    LEAST_LOSS,
    Comparison,
    Finding,
    Verdict,
    compare,
    compare_accuracy,
    judge,
)

MOST_SLICES = 12
# Texts of a slice, below which even a change that matters drowns in chance.
SMALLEST_SLICE = 2 * FEWEST


@dataclass(frozen=True)
class Slice:
    """So many texts after each other. began, ended: the times of its first and last."""

    began: datetime
    ended: datetime
    verdict: Verdict

    def effect(self, feature: str) -> float:
        """How far a feature is from the reference; NaN where that was not measured."""
        findings = [each for each in self.verdict.findings if each.feature == feature]
        return findings[0].effect if findings else float("nan")


@dataclass(frozen=True)
class Change:
    """When a feature went from one state to another, and whether the later is the worse."""

    at: datetime
    worse: bool


def timeline(reference: Reference, log: PredictionLog) -> list[Slice]:
    """Up to twelve slices with the same number of texts, none where the window is too small."""
    count = min(MOST_SLICES, len(log) // SMALLEST_SLICE)
    if count < 2:
        return []
    return [
        Slice(log.time(rows[0]), log.time(rows[-1]), judge(reference, log.select(rows)))
        for rows in np.array_split(np.arange(len(log)), count)
    ]


def change(slices: Sequence[Slice], finding: Finding) -> Change | None:
    """Where a window falls into two parts that differ by more than matters: at the seam of two
    slices where they differ most, by what chance brings. None where it is of one piece."""
    seams = [
        (compared.effect / max(compared.band, 1e-9), number)
        for number, compared in _seams(slices, finding.feature)
        if compared.effect > max(_least(finding.feature), compared.band)
    ]
    if not seams:
        return None
    _, number = max(seams)
    before, after = (
        float(np.nanmean([each.effect(finding.feature) for each in part]))
        for part in (slices[:number], slices[number:])
    )
    return Change(slices[number].began, worse=not after < before)


def _seams(slices: Sequence[Slice], feature: str) -> Iterator[tuple[int, Comparison]]:
    """The parts of a window before and after each of its seams, compared."""
    for number in range(1, len(slices)):
        parts = (slices[:number], slices[number:])
        if feature == ACCURACY:
            before, after = (_answers(part) for part in parts)
            if min(before.judged, after.judged) >= FEWEST:
                yield number, compare_accuracy(before, after, beyond=ERROR)
        else:
            earlier, later = (_spread(part, feature) for part in parts)
            if earlier and later:
                yield number, compare(earlier, later, beyond=ERROR)


def _answers(part: Sequence[Slice]) -> Answers:
    known = [each.verdict.answers for each in part if each.verdict.answers]
    return Answers(sum(each.right for each in known), sum(each.judged for each in known))


def _spread(part: Sequence[Slice], feature: str) -> Distribution | None:
    found = [each.verdict.window[feature] for each in part if feature in each.verdict.window]
    counts = np.sum([each.counts for each in found], axis=0)
    return replace(found[0], counts=counts) if found else None


def _least(feature: str) -> float:
    return LEAST_LOSS if feature == ACCURACY else LEAST_INDEX
