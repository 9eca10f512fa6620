"""The gate's decision: both models are scored on the golden set, and one outcome follows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from function.core.artifact import Artifact
from function.core.errors import ArtifactError, InputError, PredictionError
from function.core.manifest import Manifest
from function.core.tokenization import Text, strings_of
from scripts.evaluate.answers import Answers
from scripts.evaluate.evaluation import load_verified
from scripts.evaluate.paired import compare_paired
from scripts.gate.golden_set import GoldenSet
from scripts.gate.head_requirements import judge_head
from scripts.gate.judgement import Disagreement, JudgedModel, Judgement, RequirementResult
from scripts.gate.limits import judge_limits
from scripts.gate.measurement import (
    Measurement,
    latency_texts,
    measure_model,
    median_latencies,
)
from scripts.gate.outcome import GateOutcome
from scripts.gate.requirements import (
    judge_floor,
    judge_non_inferiority,
    judge_slice,
    measure_slices,
    slice_answers,
)
from scripts.gate.settings import GateSettings

DISAGREEMENTS = 10


def run_gate(
    candidate: Artifact, champion: Artifact | None, golden: GoldenSet[Any], settings: GateSettings
) -> Judgement:
    """Score both artifacts as served and judge the candidate; no champion means a first model.

    Both were verified when they came in: an import, or a download from the registry. A candidate
    that cannot answer the golden set is refused; a champion that cannot raises InputError or
    PredictionError.
    """
    broken = judge_contract(candidate.manifest, champion.manifest if champion else None, golden)
    if broken:
        return _judge_unscored(candidate, champion, golden, settings, broken)

    before = None if champion is None else load_verified(champion)
    before_answers = None if before is None else golden.answers(before, "champion, golden set")
    try:
        predictor = load_verified(candidate)
        answers = golden.answers(predictor, "candidate, golden set")
    except (ArtifactError, InputError, PredictionError) as error:
        sentence = f"The candidate cannot answer the golden set: {error}."
        advice = (
            "Ask it for that text with scripts.score --model; its export or tokenizer is wrong."
        )
        silent = RequirementResult("answers", GateOutcome.REFUSED, sentence, advice)
        return _judge_unscored(candidate, champion, golden, settings, [silent])

    texts = latency_texts(golden.texts, settings.latency_texts)
    if before is None or before_answers is None:
        (median_ms,) = median_latencies([predictor], texts)
        return judge(golden, measure_model(predictor, answers, median_ms), None, settings)
    median_ms, before_ms = median_latencies([predictor, before], texts)
    return judge(
        golden,
        measure_model(predictor, answers, median_ms),
        measure_model(before, before_answers, before_ms),
        settings,
    )


def judge_contract(
    candidate: Manifest, champion: Manifest | None, golden: GoldenSet[Any]
) -> list[RequirementResult]:
    """Return the broken promises: of task, head and labels, and those of the golden set."""
    broken = {}
    if champion is not None and candidate.task != champion.task:
        broken["task"] = (
            f"The task is {candidate.task}; the champion's is {champion.task}. Publish it as a "
            "model of another name."
        )
    elif champion is not None and candidate.decoding.answer_key != champion.decoding.answer_key:
        broken["head"] = (
            f"It answers with {candidate.decoding.answer_key}; the champion with "
            f"{champion.decoding.answer_key}. Publish it as a model of another name."
        )
    elif (
        champion is not None and golden.key == "embedding" and candidate.outputs != champion.outputs
    ):
        broken["dimensions"] = (
            f"Its vectors have {candidate.outputs} dimensions; the champion's have "
            f"{champion.outputs}. Publish it as a model of another name."
        )
    if champion is not None and candidate.labels != champion.labels:
        broken["labels"] = (
            f"The labels are {', '.join(candidate.labels)}; the champion's are "
            f"{', '.join(champion.labels)}, in this order. Train it with the champion's, or "
            "publish it as a model of another name."
        )
    unknown = sorted(golden.used_labels - set(candidate.labels))
    if golden.task != candidate.task:
        broken["task of the golden set"] = (
            f"The golden set is for {golden.task}: each text has {golden.form.description}; the "
            f"candidate's task is {candidate.task}. Freeze a golden set for that task."
        )
    elif golden.key != candidate.decoding.answer_key:
        broken["head of the golden set"] = (
            f"In the golden set each text has {golden.form.description}; the candidate answers "
            f"with {candidate.decoding.answer_key}. Freeze a golden set with these."
        )
    elif unknown:
        broken["labels of the golden set"] = (
            f"The golden set has the labels {', '.join(unknown)}, which the candidate cannot "
            f"give; its labels are {', '.join(candidate.labels)}. Freeze a golden set with these "
            "labels, or rename the model's: by the training configuration, or by --rename-label of "
            "scripts.import_model."
        )
    return [RequirementResult(name, GateOutcome.REFUSED, why) for name, why in broken.items()]


def judge(
    golden: GoldenSet[Any],
    candidate: Measurement,
    champion: Measurement | None,
    settings: GateSettings,
) -> Judgement:
    """Judge a candidate compared with the champion, or, without one, a first model.

    Both were measured on `golden` and have the same labels in the same order.
    """
    answers = candidate.answers
    before = None if champion is None else champion.answers
    judged = answers.judged
    right = answers.right[judged]
    paired = None if before is None else compare_paired(right, before.right[judged])
    share = (
        judge_floor(answers.measure, int(right.sum()), len(right), settings)
        if paired is None
        else judge_non_inferiority(answers.measure, paired, settings)
    )
    slices = measure_slices(
        slice_answers(golden.texts, answers, settings),
        None if before is None else slice_answers(golden.texts, before, settings),
    )
    findings = [
        share,
        *judge_head(answers, before, settings),
        *(judge_slice(answers.measure, each, settings) for each in slices),
        *judge_limits(candidate, champion, settings),
    ]
    outcome, reasons = conclude(findings)
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        model=candidate.model,
        candidate=_describe_model(candidate),
        champion=None if champion is None else _describe_model(champion),
        golden=golden.digest,
        rows=len(golden),
        settings=settings.model_dump(),
        findings=findings,
        measure=answers.measure,
        paired=paired,
        slices=slices,
        disagreements=[] if before is None else _disagreements(golden.texts, answers, before),
    )


def conclude(findings: Sequence[RequirementResult]) -> tuple[GateOutcome, list[str]]:
    """Return the worst outcome and every reason for it; the first finding carries a pass.

    What is wrong stays wrong with more rows, so a refusal outweighs rows that are too few.
    """
    refused = [each.reason for each in findings if each.outcome is GateOutcome.REFUSED]
    unsure = [each.reason for each in findings if each.outcome is GateOutcome.UNDERPOWERED]
    if refused:
        return GateOutcome.REFUSED, refused + unsure
    if unsure:
        return GateOutcome.UNDERPOWERED, unsure
    return GateOutcome.PASSED, [findings[0].sentence]


def _describe_model(measured: Measurement) -> JudgedModel:
    return JudgedModel(
        version=measured.version,
        digest=measured.digest,
        figures={
            **measured.answers.judged_figures,
            "median_ms": measured.median_ms,
            "bytes": float(measured.bytes),
        },
        behaviour={check.name: check.figure for check in measured.behaviour or ()},
    )


def _disagreements(
    texts: Sequence[Text], candidate: Answers[Any], champion: Answers[Any]
) -> list[Disagreement]:
    """Return the texts where the support of the truth differs most between the two, most first."""
    difference = candidate.support - champion.support
    order = np.argsort(-np.abs(difference), kind="stable")[:DISAGREEMENTS]
    shown = [(row, candidate.show(row), champion.show(row)) for row in order.tolist()]
    return [
        Disagreement(
            text=" | ".join(strings_of(texts[row])),
            truth=new.truth,
            candidate_answer=new.answer,
            candidate_score=new.score,
            champion_answer=old.answer,
            champion_score=old.score,
            difference=float(difference[row]),
        )
        for row, new, old in shown
        if difference[row]
    ]


def _judge_unscored(
    candidate: Artifact,
    champion: Artifact | None,
    golden: GoldenSet[Any],
    settings: GateSettings,
    findings: list[RequirementResult],
) -> Judgement:
    """Return a judgement that no answers were needed for."""
    outcome, reasons = conclude(findings)
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        model=candidate.manifest.model,
        candidate=JudgedModel(candidate.version, candidate.digest),
        champion=None if champion is None else JudgedModel(champion.version, champion.digest),
        golden=golden.digest,
        rows=len(golden),
        settings=settings.model_dump(),
        findings=findings,
    )
