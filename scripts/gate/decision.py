"""All requirements together, and the one outcome that follows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from function.core.artifact import Artifact, Manifest, open_artifact
from function.core.errors import InputError, PredictionError
from scripts.evaluate.evaluation import open_predictor
from scripts.evaluate.paired import compare
from scripts.gate.accuracy import judge_floor, judge_non_inferiority
from scripts.gate.answers import Answers, ShownAnswer
from scripts.gate.golden_set import GoldenSet
from scripts.gate.judgement import Disagreement, Finding, Judgement, Outcome, Subject
from scripts.gate.limits import cut, judge_limits, judge_slice, measure_slices
from scripts.gate.measurement import Measurement, describe, latency_texts, median_latencies
from scripts.gate.settings import GateSettings

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


def judge_contract(
    candidate: Manifest, champion: Manifest | None, golden: GoldenSet[Any]
) -> list[Finding]:
    """The promises that the candidate breaks; none is what is wanted."""
    broken = []
    if champion is not None and candidate.task != champion.task:
        broken.append(
            Finding(
                "task",
                "refused",
                f"The task is {candidate.task}; the champion's is {champion.task}.",
            )
        )
    if champion is not None and candidate.labels != champion.labels:
        broken.append(
            Finding(
                "labels",
                "refused",
                f"The labels are {', '.join(candidate.labels)}; the champion's are "
                f"{', '.join(champion.labels)}, in this order.",
            )
        )
    unknown = sorted(golden.used_labels - set(candidate.labels))
    if golden.task != candidate.task:
        broken.append(
            Finding(
                "task of the golden set",
                "refused",
                f"The golden set is for {golden.task}: each text has {golden.form}; the "
                f"candidate's task is {candidate.task}. Freeze a golden set for that task.",
            )
        )
    elif unknown:
        broken.append(
            Finding(
                "labels of the golden set",
                "refused",
                f"The golden set has the labels {', '.join(unknown)}, which the candidate cannot "
                f"give; its labels are {', '.join(candidate.labels)}.",
            )
        )
    return broken


def run_gate(
    candidate: Path, champion: Path | None, golden: GoldenSet[Any], settings: GateSettings
) -> Judgement:
    """Score both artifacts as served and judge the candidate; no champion means a first model.

    Raises ArtifactError where one is damaged, PredictionError or InputError where the champion
    cannot answer the golden set. A candidate that cannot is refused.
    """
    new = open_artifact(candidate)
    old = None if champion is None else open_artifact(champion)
    broken = judge_contract(new.manifest, old.manifest if old else None, golden)
    if broken:
        return _unscored(new, old, golden, settings, broken)

    predictor = open_predictor(candidate)
    before = None if champion is None else open_predictor(champion)
    before_answers = None if before is None else golden.answers(before, "champion, golden set")
    try:
        answers = golden.answers(predictor, "candidate, golden set")
    except (InputError, PredictionError) as error:
        silent = Finding(
            "answers", "refused", f"The candidate cannot answer the golden set: {error}."
        )
        return _unscored(new, old, golden, settings, [silent])

    texts = latency_texts(golden, settings.latency_texts)
    if before is None or before_answers is None:
        (median_ms,) = median_latencies([predictor], texts)
        return judge(golden, describe(predictor, answers, median_ms), None, settings)
    median_ms, before_ms = median_latencies([predictor, before], texts)
    return judge(
        golden,
        describe(predictor, answers, median_ms),
        describe(before, before_answers, before_ms),
        settings,
    )


def _unscored(
    candidate: Artifact,
    champion: Artifact | None,
    golden: GoldenSet[Any],
    settings: GateSettings,
    findings: list[Finding],
) -> Judgement:
    """What was refused for something other than its answers."""
    outcome, reasons = conclude(findings)
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        model=candidate.manifest.model,
        candidate=Subject(candidate.version, candidate.digest),
        champion=None if champion is None else Subject(champion.version, champion.digest),
        golden=golden.digest,
        rows=len(golden),
        settings=settings.model_dump(),
        findings=findings,
    )
