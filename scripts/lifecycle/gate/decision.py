"""All requirements together, and the one outcome that follows."""

from collections.abc import Sequence

import numpy as np

from scripts.lifecycle.gate.accuracy import judge_floor, judge_non_inferiority
from scripts.lifecycle.gate.golden import GoldenSet
from scripts.lifecycle.gate.judgement import (
    Disagreement,
    Finding,
    Judgement,
    Outcome,
    Subject,
)
from scripts.lifecycle.gate.limits import judge_limits
from scripts.lifecycle.gate.measurement import Measurement
from scripts.lifecycle.gate.paired import compare
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.slices import cut, judge_slice, measure_slices
from scripts.training.metrics import Codes, figures

DISAGREEMENTS = 10


def judge(
    golden: GoldenSet,
    candidate: Measurement,
    champion: Measurement | None,
    settings: GateSettings,
) -> Judgement:
    """Decide on a candidate beside the champion, or, without one, on a first model.

    Both were measured on `golden` and have the same labels in the same order. Raises DataError
    where a label of the golden set is none of them.
    """
    truth = golden.codes(candidate.labels)
    right = candidate.probabilities.argmax(1) == truth
    champion_right = None if champion is None else champion.probabilities.argmax(1) == truth
    paired = None if champion_right is None else compare(right, champion_right)
    accuracy = (
        judge_floor(int(right.sum()), len(golden), settings)
        if paired is None
        else judge_non_inferiority(paired, settings)
    )
    slices = measure_slices(cut(golden, settings), right, champion_right)
    findings = [
        accuracy,
        *(judge_slice(part, settings) for part in slices),
        *judge_limits(candidate, champion, truth, settings),
    ]
    outcome, reasons = conclude(findings)
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        model=candidate.model,
        candidate=_subject(candidate, truth),
        champion=None if champion is None else _subject(champion, truth),
        golden=golden.digest,
        rows=len(golden),
        settings=settings.model_dump(),
        findings=findings,
        paired=paired,
        slices=slices,
        disagreements=(
            [] if champion is None else _disagreements(golden, candidate, champion, truth)
        ),
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


def _subject(measured: Measurement, truth: Codes) -> Subject:
    return Subject(
        version=measured.version,
        digest=measured.digest,
        figures=figures(measured.probabilities, truth)
        | {"median_ms": measured.median_ms, "bytes": float(measured.bytes)},
        behaviour={check.name: check.figure for check in measured.behaviour or ()},
    )


def _disagreements(
    golden: GoldenSet, candidate: Measurement, champion: Measurement, truth: Codes
) -> list[Disagreement]:
    """The texts whose true label the two give the most different probabilities, most first."""
    rows = np.arange(len(truth))
    difference = candidate.probabilities[rows, truth] - champion.probabilities[rows, truth]
    order = np.argsort(-np.abs(difference), kind="stable")[:DISAGREEMENTS]
    return [
        Disagreement(
            text=golden.texts[row],
            label=golden.labels[row],
            candidate_answer=candidate.labels[int(candidate.probabilities[row].argmax())],
            candidate_score=float(candidate.probabilities[row].max()),
            champion_answer=champion.labels[int(champion.probabilities[row].argmax())],
            champion_score=float(champion.probabilities[row].max()),
            difference=float(difference[row]),
        )
        for row in order
        if difference[row]
    ]
