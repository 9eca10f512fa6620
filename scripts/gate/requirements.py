"""Requirements of every candidate on right answers, in all and by slices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from function.core.tokenization import Text, strings_of
from scripts.evaluate.answers import Answers, SliceAnswers
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Paired, compare_paired
from scripts.gate.judgement import (
    LARGER_SET,
    WORSE,
    RequirementResult,
    SliceResult,
    accept,
    format_share,
    judged,
    points,
)
from scripts.gate.outcome import GateOutcome
from scripts.gate.settings import GateSettings

# An equal model passes half the time where the half-width, 1.96 standard errors, is the margin;
# 19 times in 20 where it leaves 1.64 more below it.
SURE = ((1.96 + 1.64) / 1.96) ** 2


def judge_non_inferiority(
    measure: str, paired: Paired, settings: GateSettings
) -> RequirementResult:
    """Require that the candidate is shown to lack less than the margin of the champion's share.

    The lower end of the 95 % interval must lie above -margin, which lets a model that lacks just
    the margin pass once in 40 (Piaggio et al. 2012, CONSORT's extension to non-inferiority).
    """
    if paired.rows < settings.minimum_rows:
        return _too_few(measure, paired.rows, settings)
    sentence = (
        f"{measure.capitalize()} differs from the champion's by {points(paired.difference)} "
        f"points, 95 % interval {points(paired.low)} to {points(paired.high)} on {paired.rows} "
        f"rows; all of it must lie above {points(-settings.margin)}"
    )
    if paired.low > -settings.margin:
        return RequirementResult(measure, GateOutcome.PASSED, f"{sentence}.")
    if paired.high < 0:
        worse = f"{sentence}. The candidate is worse."
        return RequirementResult(measure, GateOutcome.REFUSED, worse, WORSE)
    if paired.half_width <= settings.margin:
        unproved = f"{sentence}. An equal model could have shown that here."
        return RequirementResult(measure, GateOutcome.REFUSED, unproved, WORSE)
    needed = math.ceil(paired.rows * SURE * (paired.half_width / settings.margin) ** 2)
    return RequirementResult(
        measure,
        GateOutcome.UNDERPOWERED,
        f"{sentence}. These rows are too few to decide; about {needed} like them would do.",
        LARGER_SET,
    )


def judge_floor(measure: str, right: int, rows: int, settings: GateSettings) -> RequirementResult:
    """Require the floor of a first model; the lower end of Wilson's interval must reach it."""
    if rows < settings.minimum_rows:
        return _too_few(measure, rows, settings)
    share = right / rows
    low, high = wilson_interval(right, rows)
    sentence = (
        f"{measure.capitalize()} {format_share(share)}, 95 % interval {format_share(low)} to "
        f"{format_share(high)} on {rows} rows; all of it must reach the floor of "
        f"{format_share(settings.floor_accuracy)} that holds for a first model"
    )
    if low >= settings.floor_accuracy:
        return RequirementResult(measure, GateOutcome.PASSED, f"{sentence}.")
    if share < settings.floor_accuracy:
        advice = f"Train it longer or on more rows. {accept('a lower floor_accuracy')}"
        return RequirementResult(measure, GateOutcome.REFUSED, f"{sentence}.", advice)
    unsure = f"{sentence}. These rows are too few to decide."
    return RequirementResult(measure, GateOutcome.UNDERPOWERED, unsure, LARGER_SET)


def _too_few(measure: str, rows: int, settings: GateSettings) -> RequirementResult:
    return RequirementResult(
        measure,
        GateOutcome.UNDERPOWERED,
        f"The golden set gives {rows} rows to compare; a margin of {100 * settings.margin:.2f} "
        f"points needs {settings.minimum_rows} or more.",
        LARGER_SET,
    )


def slice_answers(
    texts: Sequence[Text], answers: Answers[Any], settings: GateSettings
) -> dict[str, SliceAnswers]:
    """Return each slice that has rows: short texts, long texts, and those that the task knows."""
    words = np.array([sum(len(part.split()) for part in strings_of(text)) for text in texts])
    short, long = settings.short_words, settings.long_words
    slices = {
        f"short (at most {short} words)": SliceAnswers(words <= short, answers.right),
        f"long (at least {long} words)": SliceAnswers(words >= long, answers.right),
        **answers.slices(),
    }
    judged = {name: replace(each, rows=each.rows & answers.judged) for name, each in slices.items()}
    return {name: each for name, each in judged.items() if each.rows.any()}


def measure_slices(
    candidate: Mapping[str, SliceAnswers], champion: Mapping[str, SliceAnswers] | None
) -> list[SliceResult]:
    """Return the share of right answers on each slice; the champion has the same slices."""
    return [
        _measure_slice(name, each, champion[name] if champion else None)
        for name, each in candidate.items()
    ]


def _measure_slice(
    name: str, candidate: SliceAnswers, champion: SliceAnswers | None
) -> SliceResult:
    rows = candidate.rows
    own, before = candidate.right[rows], champion.right[rows] if champion else None
    return SliceResult(
        name=name,
        rows=len(own),
        candidate=float(own.mean()),
        champion=None if before is None else float(before.mean()),
        paired=None if before is None else compare_paired(own, before),
    )


def judge_slice(measure: str, result: SliceResult, settings: GateSettings) -> RequirementResult:
    """Veto a loss on a slice that is both large and significant.

    Each further slice is one more chance of a false alarm, so that a slice alone never decides on
    a small loss.
    """
    requirement = f"slice: {result.name}"
    if result.paired is None or result.champion is None:
        return RequirementResult(
            requirement, GateOutcome.NOT_JUDGED, f"{result.name}: there is no champion."
        )
    if result.rows < settings.slice_rows:
        return RequirementResult(
            requirement,
            GateOutcome.NOT_JUDGED,
            f"{result.name}: {result.rows} rows, of which {settings.slice_rows} are needed.",
        )
    paired = result.paired
    sentence = (
        f"{result.name}, {result.rows} rows: {measure} {format_share(result.candidate)} compared "
        f"with the champion's {format_share(result.champion)}, {points(paired.difference)} points "
        f"(95 % interval {points(paired.low)} to {points(paired.high)}); a loss of more than "
        f"{points(settings.slice_loss)[1:]} points that is not chance vetoes."
    )
    vetoed = paired.difference < -settings.slice_loss and paired.high < 0
    advice = f"Train it on more texts like these. {accept('a higher slice_loss')}"
    return judged(requirement, not vetoed, sentence, advice)
