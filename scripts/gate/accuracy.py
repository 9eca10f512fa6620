"""The question that the gate is there for: does the candidate answer enough texts rightly?

measure: what the share of right answers is called, as `answers.Answers` has it.
"""

import math

from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Paired
from scripts.gate.judgement import Finding, percent, points
from scripts.gate.settings import GateSettings

# An equal model passes half the time where the half-width, 1.96 standard errors, is the margin;
# 19 times in 20 where it leaves 1.64 more below it.
SURE = ((1.96 + 1.64) / 1.96) ** 2


def judge_non_inferiority(measure: str, paired: Paired, settings: GateSettings) -> Finding:
    """Whether the candidate is shown to lack less than the margin beside the champion.

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
        return Finding(measure, "passed", f"{sentence}.")
    if paired.high < 0:
        return Finding(measure, "refused", f"{sentence}. The candidate is worse.")
    if paired.half_width <= settings.margin:
        return Finding(
            measure, "refused", f"{sentence}. An equal model could have shown that here."
        )
    needed = math.ceil(paired.rows * SURE * (paired.half_width / settings.margin) ** 2)
    return Finding(
        measure,
        "underpowered",
        f"{sentence}. These rows cannot tell; about {needed} like them could.",
    )


def judge_floor(measure: str, right: int, rows: int, settings: GateSettings) -> Finding:
    """Whether a first model reaches the floor; the lower end of Wilson's interval must."""
    if rows < settings.minimum_rows:
        return _too_few(measure, rows, settings)
    share = right / rows
    low, high = wilson_interval(share, rows)
    sentence = (
        f"{measure.capitalize()} {percent(share)}, 95 % interval {percent(low)} to "
        f"{percent(high)} on {rows} rows; all of it must reach the floor of "
        f"{percent(settings.floor_accuracy)} that holds for a first model"
    )
    if low >= settings.floor_accuracy:
        return Finding(measure, "passed", f"{sentence}.")
    if share < settings.floor_accuracy:
        return Finding(measure, "refused", f"{sentence}.")
    return Finding(measure, "underpowered", f"{sentence}. These rows are too few to tell.")


def _too_few(measure: str, rows: int, settings: GateSettings) -> Finding:
    return Finding(
        measure,
        "underpowered",
        f"The golden set has {rows} rows; a margin of {100 * settings.margin:.2f} points needs "
        f"{settings.minimum_rows} or more.",
    )
