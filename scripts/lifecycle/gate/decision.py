"""All requirements together, and the one outcome that follows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scripts.evaluate.paired import compare
from scripts.lifecycle.gate.accuracy import judge_floor, judge_non_inferiority
from scripts.lifecycle.gate.answers import Answers, ShownAnswer
from scripts.lifecycle.gate.golden_set import GoldenSet
from scripts.lifecycle.gate.judgement import (
    Disagreement,
    Finding,
    Judgement,
    Outcome,
    Subject,
)
from scripts.lifecycle.gate.limits import judge_limits
from scripts.lifecycle.gate.measurement import Measurement
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.slices import cut, judge_slice, measure_slices

DISAGREEMENTS = 10


def judge(
    golden: GoldenSet[Any],
    candidate: Measurement,
    champion: Measurement | None,
    settings: GateSettings,
) -> Judgement:
    """Decide on a candidate beside the champion, or, without one, on a first model.

    Both were measured on `golden` and have the same labels in the same order.
    """
    answers = candidate.answers
    before = None if champion is None else champion.answers
    paired = None if before is None else compare(answers.right, before.right)
    share = (
        judge_floor(answers.measure, int(answers.right.sum()), len(golden), settings)
        if paired is None
        else judge_non_inferiority(answers.measure, paired, settings)
    )
    slices = measure_slices(
        cut(golden.texts, answers, settings),
        None if before is None else cut(golden.texts, before, settings),
    )
    findings = [
        share,
        *answers.judge(before, settings),
        *(judge_slice(answers.measure, part, settings) for part in slices),
        *judge_limits(candidate, champion, settings),
    ]
    outcome, reasons = conclude(findings)
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        model=candidate.model,
        candidate=_subject(candidate),
        champion=None if champion is None else _subject(champion),
        golden=golden.digest,
        rows=len(golden),
        settings=settings.model_dump(),
        findings=findings,
        measure=answers.measure,
        paired=paired,
        slices=slices,
        disagreements=[] if before is None else _disagreements(golden.texts, answers, before),
    )


def conclude(findings: Sequence[Finding]) -> tuple[Outcome, list[str]]:
    """The worst outcome and every reason for it; the first finding speaks for a pass.

    What is known to be wrong stays wrong with more rows, so a refusal outweighs rows too few.
    """
    refused = [finding.sentence for finding in findings if finding.outcome == "refused"]
    unsure = [finding.sentence for finding in findings if finding.outcome == "underpowered"]
    if refused:
        return "refused", refused + unsure
    if unsure:
        return "underpowered", unsure
    return "passed", [findings[0].sentence]


def _subject(measured: Measurement) -> Subject:
    return Subject(
        version=measured.version,
        digest=measured.digest,
        figures={
            **measured.answers.figures,
            "median_ms": measured.median_ms,
            "bytes": float(measured.bytes),
        },
        behaviour={check.name: check.figure for check in measured.behaviour or ()},
    )


def _disagreements(
    texts: Sequence[str], candidate: Answers, champion: Answers
) -> list[Disagreement]:
    """The texts where the two differ most in how much they speak for the truth, most first."""
    difference = candidate.support - champion.support
    order = np.argsort(-np.abs(difference), kind="stable")[:DISAGREEMENTS]
    return [
        _disagreement(texts[row], candidate.show(row), champion.show(row), float(difference[row]))
        for row in order.tolist()
        if difference[row]
    ]


def _disagreement(
    text: str, candidate: ShownAnswer, champion: ShownAnswer, difference: float
) -> Disagreement:
    return Disagreement(
        text=text,
        truth=candidate.truth,
        candidate_answer=candidate.answer,
        candidate_score=candidate.score,
        champion_answer=champion.answer,
        champion_score=champion.score,
        difference=difference,
    )
