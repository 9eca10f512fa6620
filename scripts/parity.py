"""Compare int8 graphs with full precision, on this processor.

A processor without 8-bit dot products may saturate them and answer wrongly without an error. Torch
reads the same weights as 32-bit floats, so any difference comes from the eight bits. The texts are
the model's golden set. Models that torch cannot serve are named and skipped. Exits with 1 if the
two differ by more than rounding does, and with 2 if there is no model to compare.
"""

from __future__ import annotations

import argparse
import platform
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from function.core.errors import UnsupportedArchitectureError
from scripts.common.command_line import needing, registry_parser, run, write_json
from scripts.common.errors import CommandError, NotComparableError, RegistryError

with needing("make tools"):
    from function.backends.onnx_backend import OnnxBackend
    from function.core.artifact import Artifact
    from function.core.predictor import Predictor
    from scripts.evaluate.agreement import Agreement, OneByOne, compare_labels
    from scripts.evaluate.evaluation import open_predictor
    from scripts.evaluate.heads import answer
    from scripts.evaluate.label_answers import LabelAnswers
    from scripts.evaluate.measure import open_torch
    from scripts.gate.golden import parse_golden
    from scripts.registry.golden_sets import current_golden
    from scripts.registry.registry import PRODUCTION, Registry, open_registry

# The share of labels that agree, as far as the number of texts can show; and the mean difference
# of probabilities, which is 0.005 for the bundled model on a processor that multiplies right.
LABELS, DISTANCE = 0.99, 0.03


@dataclass(frozen=True)
class Parity:
    """One model in int8 compared with full precision, and the accuracy of each."""

    agreement: Agreement
    accuracy: dict[str, float]

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return {
            "share": self.agreement.share,
            "mean_difference": self.agreement.mean_difference,
            "accuracy": self.accuracy,
        }


def main() -> None:
    arguments = _arguments()
    registry, machine = open_registry(arguments.registry), platform.machine()
    found, passed_over = {}, []
    for model in [arguments.model] if arguments.model else _in_production(registry):
        try:
            found[model] = _compare(registry, model)
        except NotComparableError as error:
            passed_over.append(error)
            print(f"{model}: passed over: {error}")
            continue
        shares = [f"{name} {share:.2%}" for name, share in found[model].accuracy.items()]
        print(f"{model} on {machine}: {found[model].agreement}; accuracy: {', '.join(shares)}")
    if not found:
        raise passed_over[0]
    documents = {model: parity.document() for model, parity in found.items()}
    write_json({"machine": machine, "models": documents}, arguments.json)
    limits = arguments.labels, arguments.distance
    if wrong := [name for name, parity in found.items() if not holds(parity.agreement, *limits)]:
        raise CommandError(
            f"{', '.join(wrong)}: int8 does not answer as full precision does on this {machine}"
        )


def _in_production(registry: Registry) -> list[str]:
    models = [model for model in registry.models() if registry.alias(model, PRODUCTION)]
    if not models:
        raise RegistryError(f"{registry.store.location}: nothing is in production")
    return models


def _compare(registry: Registry, model: str) -> Parity:
    """Compare the version in production. Raises RegistryError, NotComparableError."""
    production = registry.alias(model, PRODUCTION)
    if production is None:
        raise RegistryError(f"{model}: nothing is in production")
    with TemporaryDirectory() as scratch:
        artifact = registry.download(model, production.version, Path(scratch) / model)
        precisions = {"int8": _open_int8(artifact), "full precision": _open_full(artifact)}
        golden = parse_golden(current_golden(registry.store, model)[1])
        if golden.key != "label":
            raise NotComparableError(f"its golden set is for {golden.task}")
        answered = {
            name: answer(LabelAnswers, each, golden.rows, name) for name, each in precisions.items()
        }
    accuracy = {name: float(answers.right.mean()) for name, answers in answered.items()}
    return Parity(compare_labels(*answered.values()), accuracy)


def _open_int8(artifact: Artifact) -> Predictor:
    return open_predictor(artifact.path, load_backend=lambda found: OneByOne(OnnxBackend(found, 0)))


def _open_full(artifact: Artifact) -> Predictor:
    """Open the model in torch. Raises NotComparableError if torch cannot serve it."""
    try:
        return open_predictor(artifact.path, load_backend=lambda found: open_torch(found, "cpu"))
    except UnsupportedArchitectureError as error:
        raise NotComparableError(
            f"{error}. Only what torch can serve has full precision to hold int8 against; "
            "on this processor measure the artifact itself, with 'python -m scripts.evaluate "
            "--artifact DIR --data FILE', and hold that against the figures in its manifest"
        ) from error


def holds(agreement: Agreement, labels: float, distance: float) -> bool:
    """Return whether the two differ by no more than rounding does."""
    return agreement.high >= labels and agreement.mean_difference <= distance


def _arguments() -> argparse.Namespace:
    parser = registry_parser("scripts.parity", __doc__)
    parser.add_argument("--model", help="this one alone; all that are in production by default")
    parser.add_argument("--labels", type=float, default=LABELS, help="share that must agree")
    parser.add_argument(
        "--distance", type=float, default=DISTANCE, help="of probabilities, at most, in the mean"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
