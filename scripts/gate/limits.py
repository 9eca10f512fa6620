"""Limits that every candidate keeps: calibration, behaviour, latency, size."""

from typing import Any

from scripts.evaluate.answers import Answers
from scripts.gate.judgement import RequirementResult, accept, format_share, judged
from scripts.gate.measurement import Measurement
from scripts.gate.outcome import GateOutcome
from scripts.gate.settings import GateSettings

# Checks of behaviour that are shares of right answers. The others measure spreads.
EXPECTATIONS = ("negation", "very short texts")
ROUNDING = 1e-9
BEHAVIOUR = "These are film reviews with negations, or of a few words: train on more such texts."


def judge_limits(
    candidate: Measurement, champion: Measurement | None, settings: GateSettings
) -> list[RequirementResult]:
    """Require every limit on calibration, behaviour, latency and size, each on its own."""
    before_ms = champion.median_ms if champion else None
    megabytes, before_megabytes = candidate.bytes / 1e6, champion.bytes / 1e6 if champion else None
    return [
        _calibration(candidate.answers, champion.answers if champion else None, settings),
        *_behaviour(candidate, champion, settings),
        *_spreads(candidate, champion, settings),
        _ratio(
            *("median latency", "ms", candidate.median_ms, before_ms, settings.latency_ratio),
            "Take a smaller base or shorter windows; on a busy machine, run it again.",
        ),
        _ratio(
            *("artifact size", "MB", megabytes, before_megabytes, settings.size_ratio),
            "Take a smaller base, or int8 where it has full precision.",
        ),
    ]


def _calibration(
    candidate: Answers[Any], champion: Answers[Any] | None, settings: GateSettings
) -> RequirementResult:
    if candidate.scored < settings.minimum_rows:
        sentence = f"Calibration error: {candidate.scored} scores are too few to measure it."
        return RequirementResult("calibration error", GateOutcome.NOT_JUDGED, sentence)
    own = candidate.figures["calibration_error"]
    calibration = (
        f"Calibration error {own:.3f}, the mean gap between scores and the share of right answers"
    )
    if champion is None:
        holds = own <= settings.floor_calibration
        sentence = f"{calibration}; at most {settings.floor_calibration:.3f}."
        setting = "a higher floor_calibration"
    else:
        before = champion.figures["calibration_error"]
        holds = own - before <= settings.calibration_rise + ROUNDING
        sentence = (
            f"{calibration}, compared with the champion's {before:.3f}; it may rise by "
            f"{settings.calibration_rise:.3f}."
        )
        setting = "a higher calibration_rise"
    advice = (
        "Its scores say too much or too little. scripts.train fits them on the validation rows: "
        "give it more of these, like the golden set's, or train longer; an imported checkpoint's "
        f"are as they came. {accept(setting)}"
    )
    return judged("calibration error", holds, sentence, advice)


def _behaviour(
    candidate: Measurement, champion: Measurement | None, settings: GateSettings
) -> list[RequirementResult]:
    if candidate.behaviour is None:
        sentence = (
            "Behaviour: skipped, because the checks are sentences to classify as negative or "
            f"positive, which is not what this model does; its labels are "
            f"{', '.join(candidate.labels)}."
        )
        return [RequirementResult("behaviour", GateOutcome.NOT_JUDGED, sentence)]
    own = {check.name: check.figure for check in candidate.behaviour}
    if champion is None or champion.behaviour is None:
        return [
            judged(
                f"behaviour: {name}",
                own[name] >= settings.floor_behaviour - ROUNDING,
                f"Behaviour, {name}: {format_share(own[name])} of the built-in sentences right; at "
                f"least {format_share(settings.floor_behaviour)}.",
                f"{BEHAVIOUR} {accept('a lower floor_behaviour')}",
            )
            for name in EXPECTATIONS
        ]
    before = {check.name: check.figure for check in champion.behaviour}
    return [
        judged(
            f"behaviour: {name}",
            before[name] - own[name] <= settings.behaviour_drop + ROUNDING,
            f"Behaviour, {name}: {format_share(own[name])} right compared with the champion's "
            f"{format_share(before[name])}; it may drop by "
            f"{100 * settings.behaviour_drop:.2f} points.",
            f"{BEHAVIOUR} {accept('a higher behaviour_drop')}",
        )
        for name in EXPECTATIONS
    ]


def _spreads(
    candidate: Measurement, champion: Measurement | None, settings: GateSettings
) -> list[RequirementResult]:
    """Veto a spread beyond its limit that is larger than the champion's, too."""
    champions = champion.behaviour or () if champion else ()
    before = {check.name: check.mean_spread for check in champions}
    found = []
    for check in candidate.behaviour or ():
        own, other = check.mean_spread, before.get(check.name)
        if own is None or other is None:
            continue
        limit = max(settings.spread_limit, other + settings.spread_rise)
        sentence = (
            f"Behaviour, {check.name}: the probability differs by {own:.2f} between fillings of a "
            f"sentence, the mean over sentences, compared with the champion's {other:.2f}; at most "
            f"{limit:.2f}."
        )
        advice = f"Train it with [counterfactuals]. {accept('a higher spread_limit')}"
        holds = own <= limit + ROUNDING
        found.append(judged(f"behaviour: {check.name}", holds, sentence, advice))
    return found


def _ratio(
    name: str, unit: str, own: float, before: float | None, limit: float, advice: str
) -> RequirementResult:
    if before is None:
        sentence = f"{name.capitalize()}: there is no champion."
        return RequirementResult(name, GateOutcome.NOT_JUDGED, sentence)
    sentence = (
        f"{name.capitalize()} {own:.2f} {unit}, {own / before:.2f} times the champion's "
        f"{before:.2f} {unit}; at most {limit:.2f} times."
    )
    setting = name.split()[-1] + "_ratio"
    advice = f"{advice} {accept(f'a higher {setting}')}"
    return judged(name, own <= limit * before, sentence, advice)
