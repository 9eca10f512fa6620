"""Evaluation of an artifact, or of a model that a service serves, as `scripts.evaluate` asks."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, open_artifact, verify
from function.core.backend import Backend
from function.core.heads import AnswerKey, Task
from function.core.predictor import Predictor
from function.core.tokenization import TextPair
from scripts.common.errors import UsageError
from scripts.common.service_client import ServiceClient
from scripts.data.labelled_texts import LabelledInputs, read_labelled, read_texts
from scripts.data.multi_labelled import MultiLabelledTexts, read_multi_labelled
from scripts.data.rows import TEXT_PAIR
from scripts.data.scored_texts import ScoredTexts, read_scored
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.data.triplets import Triplets, read_triplets
from scripts.evaluate.agreement import OneByOne, compare_labels
from scripts.evaluate.behaviour import LABELS, check_behaviour, has_behaviour_checks
from scripts.evaluate.entity_evaluation import (
    EntityEvaluation,
    evaluate_entities,
    evaluate_reported_entities,
)
from scripts.evaluate.entity_metrics import entity_figures
from scripts.evaluate.evaluation import (
    Evaluation,
    evaluate,
    evaluate_reported,
    load_verified,
    shortest_first,
)
from scripts.evaluate.highlights import check_highlights
from scripts.evaluate.metrics import figures
from scripts.evaluate.multi_label import (
    MultiLabelEvaluation,
    compare_multi_label,
    evaluate_multi_label,
    multi_label_figures,
)
from scripts.evaluate.ranking import (
    RankingEvaluation,
    compare_scores,
    evaluate_ranking,
    ranking_figures,
)
from scripts.evaluate.triplets import (
    TripletEvaluation,
    all_texts,
    compare_triplets,
    evaluate_triplets,
    triplet_figures,
)

# Options that say how to read the file, and options that ask for further checks.
READING = ("text", "text_pair", "label", "renamed_label", "documents", "encoding")
CHECKS = ("behaviour", "highlights", "agreement")
SEED = 7

TextRows = TypeVar("TextRows")
Evaluated = TypeVar("Evaluated")


def measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the figures of an artifact and of the further checks.

    Raises ArtifactError, DataError, and UsageError where an option does not fit the artifact.
    """
    artifact = open_artifact(arguments.artifact)
    manifest = artifact.manifest
    model, labels = manifest.model, manifest.labels
    evaluator, how = _evaluator(arguments, model, manifest.task, manifest.decoding.answer_key)
    verify(artifact)
    loaders = {"onnx": None, "torch": open_torch}
    predictor = load_verified(
        artifact, load_backend=loaders[arguments.backend], cascade=arguments.cascade != "off"
    )
    rows = read_rows(evaluator, arguments.data, labels, how, pairs=manifest.tokenization.pairs)
    answered = evaluator.evaluate(predictor, rows, f"{arguments.data.name}, {arguments.backend}")
    report = _report(model, artifact.version, evaluator.figures(answered, labels))
    if arguments.agreement:
        report["agreement"] = report_agreement(artifact, rows, answered)
    if arguments.behaviour:
        report["behaviour"] = report_behaviour(predictor)
    if arguments.highlights:
        report["highlights"] = report_highlights(predictor, rows, arguments.highlights)
    return report


def measure_service(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the figures of a model over HTTP.

    Raises DataError, ServiceError, and UsageError where an option needs the artifact itself.
    """
    if (
        any(getattr(arguments, name) for name in CHECKS)
        or arguments.backend != "onnx"
        or arguments.cascade == "off"
    ):
        named = ", ".join(f"--{name}" for name in (*CHECKS, "cascade"))
        raise UsageError(f"{named} and --backend need the artifact itself: give --artifact")
    service = ServiceClient(arguments.url, arguments.model)
    evaluator, how = _evaluator(arguments, service.name, service.task, service.answer_key)
    rows = read_rows(evaluator, arguments.data, service.labels, how, pairs=service.pairs)
    answered = evaluator.evaluate_service(service, rows, arguments.data.name)
    return _report(service.name, service.version, evaluator.figures(answered, service.labels))


def read_rows(
    evaluator: "Evaluator[Any, Any]",
    path: Path,
    labels: Sequence[str],
    how: dict[str, Any],
    *,
    pairs: bool,
) -> Any:
    """Read a file, with its column of second texts where the model reads pairs."""
    column = how.pop("text_pair", None)
    rows = evaluator.read(path, labels, **how)
    if not pairs:
        if column:
            raise UsageError("--text-pair: this model reads single texts")
        return rows
    others = read_texts(path, column or TEXT_PAIR, how.get("encoding"))
    return replace(rows, texts=list(map(TextPair, rows.texts, others)))


class Evaluator(ABC, Generic[TextRows, Evaluated]):
    """One head's way from a file of texts with their truth to figures.

    `options` names the options that this head has: how `read` reads the file, and checks.
    """

    options: ClassVar[frozenset[str]]

    @abstractmethod
    def read(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows:
        """Read a file; `how` are some of `options`. Raises DataError."""

    @abstractmethod
    def evaluate(self, predictor: Predictor, rows: TextRows, title: str) -> Evaluated:
        """Answer every text on this machine; `title` is that of the progress."""

    @abstractmethod
    def evaluate_service(self, service: ServiceClient, rows: TextRows, title: str) -> Evaluated:
        """Have a service answer every text. Raises ServiceError."""

    @abstractmethod
    def figures(self, answered: Evaluated, labels: Sequence[str]) -> dict[str, float]:
        """Return the figures as a manifest records them."""


class LabelEvaluator(Evaluator[LabelledInputs, Evaluation]):
    """Evaluation of models that classify texts."""

    options = frozenset({"text", "text_pair", "label", "renamed_label", "encoding", *CHECKS})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> LabelledInputs:
        """Read a file. See `read_labelled`.

        `text` and `label` name its columns; `renamed_label` are pairs of a label of the file and
        its name in the model.
        """
        renamed = dict(how.pop("renamed_label", ()))
        rows = read_labelled(path, labels, renamed=renamed, **how)
        return LabelledInputs(rows.texts, rows.labels)

    def evaluate(self, predictor: Predictor, rows: LabelledInputs, title: str) -> Evaluation:
        return evaluate(predictor, rows, title=title)

    def evaluate_service(
        self, service: ServiceClient, rows: LabelledInputs, title: str
    ) -> Evaluation:
        rows = rows.select(shortest_first(rows.texts))
        predictions = service.predictions(rows.texts, title=title)
        return evaluate_reported(predictions, rows, service.labels)

    def figures(self, answered: Evaluation, labels: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        return figures(answered.probabilities, answered.truth)


class MultiLabelEvaluator(Evaluator[MultiLabelledTexts, MultiLabelEvaluation]):
    """Evaluation of models that give a text several labels."""

    options = frozenset({"text", "text_pair", "label", "renamed_label", "encoding"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> MultiLabelledTexts:
        """Read a file. See `read_multi_labelled`; options are those of `LabelEvaluator`."""
        renamed = dict(how.pop("renamed_label", ()))
        return read_multi_labelled(path, labels, renamed=renamed, **how)

    def evaluate(
        self, predictor: Predictor, rows: MultiLabelledTexts, title: str
    ) -> MultiLabelEvaluation:
        return evaluate_multi_label(predictor, rows, title=title)

    def evaluate_service(
        self, service: ServiceClient, rows: MultiLabelledTexts, title: str
    ) -> MultiLabelEvaluation:
        rows = rows.select(shortest_first(rows.texts))
        answers = [
            (each["labels"], {entry["label"]: entry["score"] for entry in each["scores"]})
            for each in service.predictions(rows.texts, title=title)
        ]
        return compare_multi_label(answers, rows, service.labels)

    def figures(self, answered: MultiLabelEvaluation, labels: Sequence[str]) -> dict[str, float]:
        return multi_label_figures(answered, labels)


class RankingEvaluator(Evaluator[ScoredTexts, RankingEvaluation]):
    """Evaluation of models that give a text a number."""

    options = frozenset({"text", "text_pair", "label", "encoding"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> ScoredTexts:  # noqa: ARG002
        return read_scored(path, **how)

    def evaluate(self, predictor: Predictor, rows: ScoredTexts, title: str) -> RankingEvaluation:
        return evaluate_ranking(predictor, rows, title=title)

    def evaluate_service(
        self, service: ServiceClient, rows: ScoredTexts, title: str
    ) -> RankingEvaluation:
        rows = rows.select(shortest_first(rows.texts))
        answers = service.predictions(rows.texts, title=title)
        return compare_scores([each["score"] for each in answers], rows)

    def figures(self, answered: RankingEvaluation, labels: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        return ranking_figures(answered)


class EntityEvaluator(Evaluator[TaggedTexts, EntityEvaluation]):
    """Evaluation of models that find entities."""

    options = frozenset({"renamed_label", "documents", "encoding"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> TaggedTexts:
        """Read a file. See `read_tagged`.

        `renamed_label` are pairs of a label of the file and its name in the model; `documents`
        joins the texts of each document.
        """
        renamed = dict(how.get("renamed_label", ()))
        rows = read_tagged(path, labels, renamed, how.get("encoding"))
        return rows.documents() if how.get("documents") else rows

    def evaluate(self, predictor: Predictor, rows: TaggedTexts, title: str) -> EntityEvaluation:
        return evaluate_entities(predictor, rows, title=title)

    def evaluate_service(
        self, service: ServiceClient, rows: TaggedTexts, title: str
    ) -> EntityEvaluation:
        rows = rows.select(shortest_first(rows.texts))
        return evaluate_reported_entities(service.predictions(rows.texts, title=title), rows)

    def figures(self, answered: EntityEvaluation, labels: Sequence[str]) -> dict[str, float]:
        return entity_figures(answered, labels)


class TripletEvaluator(Evaluator[Triplets, TripletEvaluation]):
    """Evaluation of models that embed texts."""

    options = frozenset({"text", "encoding"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> Triplets:  # noqa: ARG002
        return read_triplets(path, **how)

    def evaluate(self, predictor: Predictor, rows: Triplets, title: str) -> TripletEvaluation:
        return evaluate_triplets(predictor, rows, title=title)

    def evaluate_service(
        self, service: ServiceClient, rows: Triplets, title: str
    ) -> TripletEvaluation:
        answers = service.predictions(all_texts(rows), title=title)
        return compare_triplets([each["embedding"] for each in answers])

    def figures(self, answered: TripletEvaluation, labels: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        return triplet_figures(answered)


EVALUATORS: dict[AnswerKey, Evaluator[Any, Any]] = {
    "label": LabelEvaluator(),
    "labels": MultiLabelEvaluator(),
    "score": RankingEvaluator(),
    "entities": EntityEvaluator(),
    "embedding": TripletEvaluator(),
}


def _evaluator(
    arguments: argparse.Namespace, model: str, task: Task, answer_key: AnswerKey
) -> tuple[Evaluator[Any, Any], dict[str, Any]]:
    """Return a model's evaluator, and what the caller says of the file."""
    evaluator = EVALUATORS[answer_key]
    given = [name for name in (*READING, *CHECKS) if getattr(arguments, name, None)]
    for name in given:
        if name not in evaluator.options:
            raise UsageError(
                f"--{name.replace('_', '-')}: '{model}' is of {task} (its answer: {answer_key}), "
                "which has no use for it"
            )
    return evaluator, {name: getattr(arguments, name) for name in given if name in READING}


def _report(model: str, version: str, figures: Mapping[str, float]) -> dict[str, Any]:
    report = {"model": model, "version": version, **figures}
    for name, value in report.items():
        print(f"{name:18} {value}")
    return report


def open_torch(artifact: Artifact, device: str | None = None) -> Backend:
    """Open an artifact with torch, on a device as `TorchBackend` takes it."""
    from function.backends.torch_backend import TorchBackend  # seconds of import

    return TorchBackend(artifact, device=device)


def report_agreement(artifact: Artifact, rows: LabelledInputs, torch: Evaluation) -> dict[str, Any]:
    """Print and return the agreement of torch with the graph.

    The graph's answers depend on the batch, so it is compared with itself too.
    """
    predictors = {
        "onnx in batches": load_verified(artifact),
        "onnx one by one": load_verified(
            artifact, load_backend=lambda found: OneByOne(OnnxBackend(found, 0))
        ),
    }
    batches, alone = (
        evaluate(predictor, rows, title=title) for title, predictor in predictors.items()
    )
    found = {
        "torch, onnx in batches": compare_labels(batches, torch),
        "torch, onnx one by one": compare_labels(alone, torch),
        "onnx in batches, one by one": compare_labels(batches, alone),
    }
    for name, agreement in found.items():
        print(f"{name:28} {agreement}")
    return {name: asdict(agreement) for name, agreement in found.items()}


def report_behaviour(predictor: Predictor) -> list[dict[str, Any]]:
    """Print and return every behavioural check. Raises UsageError for a model without checks."""
    if not has_behaviour_checks(predictor.artifact.manifest):
        raise UsageError(
            f"--behaviour: the checks are sentences for the labels {' and '.join(LABELS)}; "
            f"the model's are {', '.join(predictor.labels)}"
        )
    checks = check_behaviour(predictor)
    for check in checks:
        print(f"{check.name:26} {check.figure:.3f}  {'; '.join(check.failures)}")
    return [asdict(check) for check in checks]


def report_highlights(predictor: Predictor, rows: LabelledInputs, count: int) -> dict[str, Any]:
    """Print and return whether the highlighted words matter in `count` of the texts."""
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    texts = [text for row in order if isinstance(text := rows.texts[row], str)]
    found = check_highlights(predictor, texts)
    print(
        f"{'highlights':26} in {found.share:.1%} of {found.texts} texts, five top "
        "words matter more than five random ones"
    )
    return asdict(found)
