"""Requirements beside right answers: calibration, behaviour, latency, size."""

from scripts.lifecycle.gate.answers import Answers
from scripts.lifecycle.gate.judgement import Finding
from scripts.lifecycle.gate.measurement import Measurement
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.wording import percent

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
