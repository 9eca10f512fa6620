"""Evaluation of an artifact, or of a model that a service serves, as `scripts.evaluate` asks."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, open_artifact, verify
from function.core.backend import Backend
from function.core.heads import AnswerKey
from function.core.predictor import Predictor
from scripts.common.errors import UsageError
from scripts.common.service_client import ServiceClient
from scripts.data.forms import FORMS
from scripts.data.truth import TextRows
from scripts.evaluate.agreement import OneByOne, compare_labels
from scripts.evaluate.behaviour import LABELS, check_behaviour, has_behaviour_checks
from scripts.evaluate.evaluation import load_verified
from scripts.evaluate.heads import HEADS, answer, answer_service
from scripts.evaluate.highlights import check_highlights
from scripts.evaluate.label_answers import LabelAnswers

# Keywords of `TruthForm.read`, and further checks of models that classify texts.
READING = ("text", "text_pair", "label", "renamed", "documents", "encoding")
CHECKS = ("behaviour", "highlights", "agreement")
SEED = 7


def measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the figures of an artifact and of the further checks.

    Raises ArtifactError, DataError, and UsageError where an option does not fit the artifact.
    """
    artifact = open_artifact(arguments.artifact)
    manifest = artifact.manifest
    key = manifest.decoding.answer_key
    read = rows_reader(
        arguments, manifest.model, key, manifest.labels, pairs=manifest.tokenization.pairs
    )
    verify(artifact)
    loaders = {"onnx": None, "torch": open_torch}
    predictor = load_verified(
        artifact, load_backend=loaders[arguments.backend], cascade=arguments.cascade != "off"
    )
    rows = read()
    answers = answer(HEADS[key], predictor, rows, f"{arguments.data.name}, {arguments.backend}")
    report = _report(manifest.model, artifact.version, answers.figures)
    if arguments.agreement:
        report["agreement"] = report_agreement(artifact, rows, answers)
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
    read = rows_reader(
        arguments, service.name, service.answer_key, service.labels, pairs=service.pairs
    )
    rows = read()
    answers = answer_service(service, rows, arguments.data.name)
    return _report(service.name, service.version, answers.figures)


def rows_reader(
    arguments: argparse.Namespace,
    model: str,
    key: AnswerKey,
    labels: Sequence[str],
    *,
    pairs: bool,
) -> Callable[[], TextRows[Any]]:
    """Return what reads the file of the truth, and raises DataError.

    Raises UsageError for a useless option.
    """
    form = FORMS[key]
    useful = {*form.options, "encoding", *(CHECKS if key == "label" else ())}
    given = {name: found for name in (*READING, *CHECKS) if (found := getattr(arguments, name))}
    for name in given:
        if name not in useful:
            option = "renamed-label" if name == "renamed" else name.replace("_", "-")
            raise UsageError(
                f"--{option}: '{model}' is of {form.task} (its answer: {key}), which has no use "
                "for it"
            )
    if arguments.text_pair and not pairs:
        raise UsageError("--text-pair: this model reads single texts")
    how = {name: value for name, value in given.items() if name in READING}
    if arguments.renamed:
        how["renamed"] = dict(arguments.renamed)
    return partial(form.read, arguments.data, labels, pairs=pairs, **how)


def _report(model: str, version: str, figures: Mapping[str, float]) -> dict[str, Any]:
    report = {"model": model, "version": version, **figures}
    for name, value in report.items():
        print(f"{name:18} {value}")
    return report


def open_torch(artifact: Artifact, device: str | None = None) -> Backend:
    """Open an artifact with torch, on a device as `TorchBackend` takes it."""
    from function.backends.torch_backend import TorchBackend  # seconds of import

    return TorchBackend(artifact, device=device)


def report_agreement(artifact: Artifact, rows: TextRows[Any], torch: Any) -> dict[str, Any]:
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
        answer(LabelAnswers, predictor, rows, title) for title, predictor in predictors.items()
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


def report_highlights(predictor: Predictor, rows: TextRows[Any], count: int) -> dict[str, Any]:
    """Print and return whether the highlighted words matter in `count` of the texts."""
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    texts = [text for row in order if isinstance(text := rows.texts[row], str)]
    found = check_highlights(predictor, texts)
    print(
        f"{'highlights':26} in {found.share:.1%} of {found.texts} texts, five top "
        "words matter more than five random ones"
    )
    return asdict(found)
