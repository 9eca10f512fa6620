"""A verdict as JSON, for whatever acts on it."""

from collections.abc import Sequence
from typing import Any

from scripts.monitoring.feedback import interval
from scripts.monitoring.prediction_log import PredictionLog
from scripts.monitoring.reference import Reference
from scripts.monitoring.timeline import Slice, change
from scripts.monitoring.verdict import ACCURACY, Finding, Verdict
from scripts.monitoring.wording import advice, changes, headline


def document(
    model: str,
    version: str,
    reference: Reference,
    log: PredictionLog,
    verdict: Verdict,
    slices: Sequence[Slice],
) -> dict[str, Any]:
    """Everything that the page tells, and the counts behind its pictures."""
    return {
        "model": model,
        "version": version,
        "verdict": verdict.word,
        "headline": headline(model, verdict),
        "changes": changes(reference, verdict, slices),
        "advice": advice(verdict),
        "texts": verdict.texts,
        "damaged_lines": log.damaged,
        "began": _time(log, 0),
        "ended": _time(log, -1),
        "reference": {"name": reference.name, "texts": reference.texts},
        "feedback": _feedback(verdict),
        "features": [
            {
                "feature": each.feature,
                "effect": round(each.effect, 5),
                "measure": "accuracy lost" if each.feature == ACCURACY else "PSI",
                "band": round(each.band, 5),
                "least": each.least,
                "p_value": each.p_value,
                "drift": each.drifted,
                "changed": _changed(slices, each),
            }
            for each in verdict.findings
        ],
        "spread": {
            feature: {
                "bins": list(window.names),
                "window": [round(float(share), 5) for share in window.shares],
                "reference": [
                    round(float(share), 5) for share in reference.distributions[feature].shares
                ],
            }
            for feature, window in verdict.window.items()
        },
    }


def _changed(slices: Sequence[Slice], finding: Finding) -> str | None:
    """When it began, or passed, of what has drifted in a part of the window alone."""
    found = change(slices, finding) if finding.drifted else None
    return found.at.isoformat() if found else None


def _feedback(verdict: Verdict) -> dict[str, Any] | None:
    if verdict.answers is None:
        return None
    return {
        "texts": verdict.answers.judged,
        "accuracy": round(verdict.answers.accuracy, 5),
        "interval": [round(end, 5) for end in interval(verdict.answers)],
    }


def _time(log: PredictionLog, row: int) -> str | None:
    return log.time(row).isoformat() if len(log) else None
