"""Requirements that a head has beyond the share of right answers."""

from typing import Any

from scripts.evaluate.answers import Answers
from scripts.evaluate.entity_answers import EntityAnswers
from scripts.evaluate.f1 import F1Counts, difference_interval, f1_interval
from scripts.evaluate.multi_label_answers import MultiLabelAnswers
from scripts.evaluate.paired import percentile_interval
from scripts.evaluate.score_answers import ScoreAnswers, resampled_rho, spearman
from scripts.gate.judgement import (
    RequirementResult,
    format_share,
    judge_fall,
    judge_first,
    points,
)
from scripts.gate.settings import GateSettings

F1, RHO = "F1", "Spearman's rho"


def judge_head(
    candidate: Answers[Any], champion: Any, settings: GateSettings
) -> list[RequirementResult]:
    """Judge by the figures of a head; without a champion, which is None, of a first model.

    Of one label, or a triplet, there is nothing more: it is right or wrong.
    """
    match candidate:
        case EntityAnswers() | MultiLabelAnswers():
            of = "whole entities" if isinstance(candidate, EntityAnswers) else "labels"
            before = champion.counts if champion else None
            return [judge_f1(of, candidate.counts, before, settings)]
        case ScoreAnswers():
            return [judge_rho(candidate, champion, settings)]
        case _:
            return []


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
    return judge_fall(F1, sentence, difference, high, settings.margin)


def _judge_floor(of: str, candidate: F1Counts, settings: GateSettings) -> RequirementResult:
    """Judge a first model, as `requirements.judge_floor` judges the share of exact texts."""
    low, high = f1_interval(candidate)
    sentence = (
        f"F1 of {of} {format_share(candidate.f1)}, 95 % interval {format_share(low)} to "
        f"{format_share(high)}; all of it must reach the floor of "
        f"{format_share(settings.floor_f1)} that holds for a first model."
    )
    return judge_first(F1, sentence, (candidate.f1, low), settings.floor_f1, "floor_f1")


def judge_rho(
    candidate: ScoreAnswers, champion: ScoreAnswers | None, settings: GateSettings
) -> RequirementResult:
    """Refuse a significant fall of the rank correlation, and a first model below its floor."""
    own, draws = spearman(candidate), resampled_rho(candidate)
    if champion is None:
        low, high = percentile_interval(draws)
        sentence = (
            f"Spearman's rho {own:.3f}, 95 % interval {low:.3f} to {high:.3f}; all of it must "
            f"reach the floor of {settings.floor_spearman:.3f} that holds for a first model."
        )
        floor = settings.floor_spearman
        return judge_first(RHO, sentence, (own, low), floor, "floor_spearman")
    before = spearman(champion)
    low, high = percentile_interval(draws - resampled_rho(champion))
    sentence = (
        f"Spearman's rho {own:.3f} compared with the champion's {before:.3f}, a difference of "
        f"{own - before:+.3f} (95 % interval {low:+.3f} to {high:+.3f}); a fall of more than "
        f"{settings.margin:.3f} that is not chance refuses."
    ).replace("-", "−")
    return judge_fall(RHO, sentence, own - before, high, settings.margin)
