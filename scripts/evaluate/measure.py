"""What `scripts.evaluate` does with an artifact and with a service, and what it refuses."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, Task, open_artifact
from function.core.backend import Backend
from function.core.predictor import Predictor
from scripts.common.errors import MissingExtraError, UsageError
from scripts.common.service_client import ServiceClient
from scripts.data.labelled_texts import LabelledTexts, read_labelled
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.evaluate.agreement import OneByOne, compare
from scripts.evaluate.behaviour import LABELS, check_behaviour, is_behaving
from scripts.evaluate.entity_evaluation import (
    EntityEvaluation,
    entity_figures,
    evaluate_entities,
    evaluate_reported_entities,
)
from scripts.evaluate.evaluation import Evaluation, evaluate, evaluate_reported, open_predictor
from scripts.evaluate.highlights import check_highlights
from scripts.evaluate.metrics import figures

Rows = TypeVar("Rows")
Measured = TypeVar("Measured")


class Measuring(ABC, Generic[Rows, Measured]):
    """One task's way from a file of texts and what is true of them to figures.

    options: names of what a caller may say of this task alone: how to read a file, which `read`
    takes, and what else to look at.
    """

    options: ClassVar[frozenset[str]]

    @abstractmethod
    def read(self, path: Path, labels: Sequence[str], **how: Any) -> Rows:
        """Read a file. how: some of `options`. Raises DataError."""

    @abstractmethod
    def ask(self, predictor: Predictor, rows: Rows, title: str) -> Measured:
        """Ask a model here. title: of the progress that is shown."""

    @abstractmethod
    def ask_service(self, service: ServiceClient, rows: Rows, title: str) -> Measured:
        """Ask a model over HTTP. Raises ServiceError."""

    @abstractmethod
    def figures(self, measured: Measured, labels: Sequence[str]) -> dict[str, float]:
        """As a manifest records them."""


class LabelMeasuring(Measuring[LabelledTexts, Evaluation]):
    """Of models that classify texts."""

    options = frozenset({"text", "label", "behaviour", "highlights", "agreement"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> LabelledTexts:
        """text, label: the columns of them. See `read_labelled`."""
        return read_labelled(path, labels, **how)

    def ask(self, predictor: Predictor, rows: LabelledTexts, title: str) -> Evaluation:
        return evaluate(predictor, rows, title=title)

    def ask_service(self, service: ServiceClient, rows: LabelledTexts, title: str) -> Evaluation:
        rows = rows.select(shortest_first(rows.texts))
        told = service.predictions(rows.texts, title=title)
        return evaluate_reported(told, rows, service.labels)

    def figures(self, measured: Evaluation, labels: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        return figures(measured.probabilities, measured.truth)


def shortest_first(texts: Sequence[str]) -> list[int]:
    """The rows whose text is not empty: side by side, texts of like length cost the least."""
    rows = (row for row, text in enumerate(texts) if text.strip())
    return sorted(rows, key=lambda row: len(texts[row]))


def measuring_of(task: Task) -> Measuring[Any, Any]:
    """The one for models of a task."""
    return _BY_TASK[task]()


def _entity_measuring() -> Measuring[Any, Any]:
    # Here, because seqeval brings scikit-learn, which no other task needs.

    return EntityMeasuring()


_BY_TASK = {
    "text-classification": LabelMeasuring,
    "token-classification": _entity_measuring,
}


SEED = 7


def open_torch(artifact: Artifact, device: str | None = None) -> Backend:
    """Open an artifact with torch; device: as `TorchBackend` takes it.

    Raises MissingExtraError without torch, and what `TorchBackend` raises.
    """
    try:
        from function.backends.torch_backend import TorchBackend  # seconds of import
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install torch transformers safetensors"
        ) from error
    return TorchBackend(artifact, device=device)


def examine_agreement(path: Path, rows: LabelledTexts, torch: Evaluation) -> dict[str, Any]:
    """Of torch with the graph, and of the graph with itself, whose answers hang on the batch."""
    readings = {
        "onnx in batches": open_predictor(path),
        "onnx one by one": open_predictor(path, load_backend=lambda a: OneByOne(OnnxBackend(a, 0))),
    }
    batches, alone = (
        evaluate(predictor, rows, title=title) for title, predictor in readings.items()
    )
    found = {
        "torch, onnx in batches": compare(batches, torch),
        "torch, onnx one by one": compare(alone, torch),
        "onnx in batches, one by one": compare(batches, alone),
    }
    for name, agreement in found.items():
        print(f"{name:28} {agreement}")
    return {name: asdict(agreement) for name, agreement in found.items()}


def examine_behaviour(predictor: Predictor) -> list[dict[str, Any]]:
    """Every behavioural check. Raises UsageError where the model has other labels than theirs."""
    if not is_behaving(predictor.artifact.manifest):
        raise UsageError(
            f"--behaviour: the checks are sentences for the labels {' and '.join(LABELS)}; "
            f"the model's are {', '.join(predictor.labels)}"
        )
    checks = check_behaviour(predictor)
    for check in checks:
        print(f"{check.name:26} {check.figure:.3f}  {'; '.join(check.failures)}")
    return [asdict(check) for check in checks]


def examine_highlights(predictor: Predictor, rows: LabelledTexts, count: int) -> dict[str, Any]:
    """Whether the words that are highlighted in so many of the texts matter."""
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    highlighting = check_highlights(predictor, [rows.texts[row] for row in order])
    print(
        f"{'highlights':26} in {highlighting.share:.1%} of {highlighting.texts} texts, five top "
        "words matter more than five random ones"
    )
    return asdict(highlighting)


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
    service = ServiceClient(arguments.url, arguments.model)
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


class EntityMeasuring(Measuring[TaggedTexts, EntityEvaluation]):
    """See `Measuring`."""

    options = frozenset({"renamed_label", "documents"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> TaggedTexts:
        """renamed_label: pairs of a label of the file and its name in the model. documents: whether
        the texts of a document are read as one. See `read_tagged`."""
        rows = read_tagged(path, labels, dict(how.get("renamed_label", ())))
        return rows.documents() if how.get("documents") else rows

    def ask(self, predictor: Predictor, rows: TaggedTexts, title: str) -> EntityEvaluation:
        return evaluate_entities(predictor, rows, title=title)

    def ask_service(self, service: ServiceClient, rows: TaggedTexts, title: str) -> EntityEvaluation:
        rows = rows.select(shortest_first(rows.texts))
        return evaluate_reported_entities(service.predictions(rows.texts, title=title), rows)

    def figures(self, measured: EntityEvaluation, labels: Sequence[str]) -> dict[str, float]:
        return entity_figures(measured, labels)
