"""Requirements beside right answers: calibration, behaviour, latency, size."""

from collections.abc import Mapping, Sequence

import numpy as np

from scripts.evaluate.paired import compare
from scripts.gate.answers import Answers, Part
from scripts.gate.judgement import Finding, Slice, percent, points
from scripts.gate.measurement import Measurement
from scripts.gate.settings import GateSettings

# Shares of right answers. The other checks measure spreads, of which small models have too much to
# hold one against another.
EXPECTATIONS = ("negation", "very short texts")
ROUNDING = 1e-9


def judge_limits(
    candidate: Measurement, champion: Measurement | None, settings: GateSettings
) -> list[Finding]:
    """Every limit, each on its own."""
    return [
        _calibration(candidate.answers, champion.answers if champion else None, settings),
        *_behaviour(candidate, champion, settings),
        _ratio("median latency", "ms", candidate, champion, settings.latency_ratio),
        _ratio("artifact size", "MB", candidate, champion, settings.size_ratio),
    ]


def _calibration(candidate: Answers, champion: Answers | None, settings: GateSettings) -> Finding:
    if candidate.scored < settings.minimum_rows:
        sentence = f"Calibration error: {candidate.scored} scores are too few to tell it by."
        return Finding("calibration error", "not judged", sentence)
    own = candidate.figures["calibration_error"]
    if champion is None:
        holds = own <= settings.floor_calibration
        sentence = f"Calibration error {own:.3f}; at most {settings.floor_calibration:.3f}."
    else:
        before = champion.figures["calibration_error"]
        holds = own - before <= settings.calibration_rise + ROUNDING
        sentence = (
            f"Calibration error {own:.3f} beside the champion's {before:.3f}; it may rise by "
            f"{settings.calibration_rise:.3f}."
        )
    return _finding("calibration error", holds, sentence)


def _behaviour(
    candidate: Measurement, champion: Measurement | None, settings: GateSettings
) -> list[Finding]:
    if candidate.behaviour is None:
        sentence = (
            "Behaviour: skipped, because the checks are sentences to classify as negative or "
            f"positive, which is not what this model does; its labels are "
            f"{', '.join(candidate.labels)}."
        )
        return [Finding("behaviour", "not judged", sentence)]
    own = {check.name: check.figure for check in candidate.behaviour}
    if champion is None or champion.behaviour is None:
        return [
            _finding(
                f"behaviour: {name}",
                own[name] >= settings.floor_behaviour - ROUNDING,
                f"Behaviour, {name}: {percent(own[name])} right; at least "
                f"{percent(settings.floor_behaviour)}.",
            )
            for name in EXPECTATIONS
        ]
    before = {check.name: check.figure for check in champion.behaviour}
    return [
        _finding(
            f"behaviour: {name}",
            before[name] - own[name] <= settings.behaviour_drop + ROUNDING,
            f"Behaviour, {name}: {percent(own[name])} right beside the champion's "
            f"{percent(before[name])}; it may drop by {100 * settings.behaviour_drop:.2f} points.",
        )
        for name in EXPECTATIONS
    ]


def _ratio(
    name: str, unit: str, candidate: Measurement, champion: Measurement | None, limit: float
) -> Finding:
    own, before = (_cost(measured, unit) for measured in (candidate, champion))
    if own is None or before is None:
        return Finding(name, "not judged", f"{name.capitalize()}: there is no champion.")
    sentence = (
        f"{name.capitalize()} {own:.2f} {unit}, {own / before:.2f} times the champion's "
        f"{before:.2f} {unit}; at most {limit:.2f} times."
    )
    return _finding(name, own <= limit * before, sentence)


def _cost(measured: Measurement | None, unit: str) -> float | None:
    if measured is None:
        return None
    return measured.median_ms if unit == "ms" else measured.bytes / 1e6


def _finding(requirement: str, holds: bool, sentence: str) -> Finding:
    return Finding(requirement, "passed" if holds else "refused", sentence)


def cut(texts: Sequence[str], answers: Answers, settings: GateSettings) -> dict[str, Part]:
    """Each part that has any rows: short texts, long texts, and those that the task knows."""
    words = np.array([len(text.split()) for text in texts])
    short, long = settings.short_words, settings.long_words
    parts = {
        f"short (at most {short} words)": Part(words <= short, answers.right),
        f"long (at least {long} words)": Part(words >= long, answers.right),
        **answers.parts(),
    }
    return {name: part for name, part in parts.items() if part.rows.any()}


def measure_slices(
    candidate: Mapping[str, Part], champion: Mapping[str, Part] | None
) -> list[Slice]:
    """The share of right answers on each part; the champion has the same parts."""
    return [
        _slice(name, part, champion[name] if champion else None) for name, part in candidate.items()
    ]


def _slice(name: str, candidate: Part, champion: Part | None) -> Slice:
    rows = candidate.rows
    own, before = candidate.right[rows], champion.right[rows] if champion else None
    return Slice(
        name=name,
        rows=len(own),
        candidate=float(own.mean()),
        champion=None if before is None else float(before.mean()),
        paired=None if before is None else compare(own, before),
    )


def judge_slice(measure: str, part: Slice, settings: GateSettings) -> Finding:
    """Veto a loss that is both large and significant.

    Each look at another part is one more chance of a false alarm, so a part alone never decides on
    a small loss.
    """
    requirement = f"slice: {part.name}"
    if part.paired is None or part.champion is None:
        return Finding(requirement, "not judged", f"{part.name}: there is no champion.")
    if part.rows < settings.slice_rows:
        return Finding(
            requirement,
            "not judged",
            f"{part.name}: {part.rows} rows, of which {settings.slice_rows} are needed.",
        )
    paired = part.paired
    vetoed = paired.difference < -settings.slice_loss and paired.high < 0
    sentence = (
        f"{part.name}, {part.rows} rows: {measure} {percent(part.candidate)} beside the champion's "
        f"{percent(part.champion)}, {points(paired.difference)} points (95 % interval "
        f"{points(paired.low)} to {points(paired.high)}); a loss of more than "
        f"{points(settings.slice_loss)[1:]} points that is not chance vetoes."
    )
    return Finding(requirement, "refused" if vetoed else "passed", sentence)
