"""What `scripts.evaluate` does with an artifact and with a service, and what it refuses."""

import argparse
from collections.abc import Mapping
from typing import Any

from function.core.artifact import Task, open_artifact
from scripts.lifecycle.errors import UsageError
from scripts.training.evaluation import open_predictor
from scripts.training.examining import (
    examine_agreement,
    examine_behaviour,
    examine_highlights,
    open_torch,
)
from scripts.training.measuring import Measuring, measuring_of
from scripts.training.remote import Service

READING = ("text", "label", "renamed_label", "documents")
LOOKING = ("behaviour", "highlights", "agreement")


def measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the figures, and what else was asked for. Raises UsageError, DataError."""
    artifact = open_artifact(arguments.artifact)
    model, labels = artifact.manifest.model, artifact.manifest.labels
    measuring, how = _measuring(arguments, model, artifact.manifest.task)
    loaders = {"onnx": None, "torch": open_torch}
    predictor = open_predictor(artifact.path, load_backend=loaders[arguments.backend])
    rows = measuring.read(arguments.data, labels, **how)
    measured = measuring.ask(predictor, rows, f"{arguments.data.name}, {arguments.backend}")
    report = _report(model, artifact.version, measuring.figures(measured, labels))
    if arguments.agreement:
        report["agreement"] = examine_agreement(arguments.artifact, rows, measured)
    if arguments.behaviour:
        report["behaviour"] = examine_behaviour(predictor)
    if arguments.highlights:
        report["highlights"] = examine_highlights(predictor, rows, arguments.highlights)
    return report


def measure_service(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same of a model over HTTP. Raises UsageError, DataError, ServiceError."""
    if any(getattr(arguments, name) for name in LOOKING) or arguments.backend != "onnx":
        named = ", ".join(f"--{name}" for name in LOOKING)
        raise UsageError(f"{named} and --backend need the artifact itself: give --artifact")
    service = Service(arguments.url, arguments.model)
    measuring, how = _measuring(arguments, service.name, service.task)
    rows = measuring.read(arguments.data, service.labels, **how)
    measured = measuring.ask_service(service, rows, arguments.data.name)
    return _report(service.name, service.version, measuring.figures(measured, service.labels))


def _measuring(
    arguments: argparse.Namespace, model: str, task: Task
) -> tuple[Measuring[Any, Any], dict[str, Any]]:
    """How a model is measured, and what the caller says of the file."""
    measuring = measuring_of(task)
    given = [name for name in (*READING, *LOOKING) if getattr(arguments, name)]
    for name in given:
        if name not in measuring.options:
            raise UsageError(
                f"--{name.replace('_', '-')}: '{model}' is of {task}, which has no use for it"
            )
    return measuring, {name: getattr(arguments, name) for name in given if name in READING}


def _report(model: str, version: str, figures: Mapping[str, float]) -> dict[str, Any]:
    report = {"model": model, "version": version, **figures}
    for name, value in report.items():
        print(f"{name:18} {value}")
    return report
