"""The gate from end to end: two artifacts and a golden set in, a judgement out."""

from pathlib import Path
from typing import Any

from function.core.artifact import Artifact, open_artifact
from function.core.errors import InputError, PredictionError
from scripts.evaluate.evaluation import open_predictor
from scripts.lifecycle.gate.contract import judge_contract
from scripts.lifecycle.gate.decision import conclude, judge
from scripts.lifecycle.gate.golden_set import GoldenSet
from scripts.lifecycle.gate.judgement import Finding, Judgement, Subject
from scripts.lifecycle.gate.measurement import describe, latency_texts, median_latencies
from scripts.lifecycle.gate.settings import GateSettings


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
