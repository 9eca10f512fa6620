"""Hold a model's int8 graph against full precision, on the processor at hand.

A processor without dot products of eight bits may saturate them, and answer wrongly without a word.
Torch reads the same weights as 32-bit floats, so what differs is what eight bits do. The texts are
the model's golden set. Ends with 1 where the two differ by more than rounding does, and with 2
where the model is none that torch can serve.
"""

import argparse
import platform
from pathlib import Path
from tempfile import TemporaryDirectory

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.errors import UnsupportedArchitectureError
from function.core.predictor import Predictor
from scripts.commandline import registry_parser, run, write_json
from scripts.lifecycle.errors import CommandError, RegistryError, UsageError
from scripts.lifecycle.gate.golden import parse_golden
from scripts.lifecycle.gate.label_answers import LabelAnswers
from scripts.lifecycle.gate.labelled_texts import LabelledGoldenSet
from scripts.lifecycle.golden_sets import current_golden
from scripts.lifecycle.registry import PRODUCTION, open_registry
from scripts.training.agreement import Agreement, OneByOne, compare
from scripts.training.evaluation import open_predictor
from scripts.training.examining import open_torch

# Labels that agree, unless so few texts leave it open; and how far probabilities lie apart in the
# mean, which is 0.011 for the bundled model on a processor that multiplies right.
LABELS, DISTANCE = 0.99, 0.03


def main() -> None:
    arguments = _arguments()
    registry = open_registry(arguments.registry)
    production = registry.alias(arguments.model, PRODUCTION)
    if production is None:
        raise RegistryError(f"{arguments.model}: nothing is in production")
    with TemporaryDirectory() as scratch:
        artifact = registry.download(
            arguments.model, production.version, Path(scratch) / arguments.model
        )
        full, int8 = _open_full(artifact), _open_int8(artifact)
        golden = parse_golden(current_golden(registry.store, arguments.model)[1])
        if not isinstance(golden, LabelledGoldenSet):
            raise RegistryError(f"{arguments.model}: its golden set is for {golden.task}")
        _conclude(golden.answers(int8, "int8"), golden.answers(full, "full precision"), arguments)


def _open_int8(artifact: Artifact) -> Predictor:
    return open_predictor(artifact.path, load_backend=lambda found: OneByOne(OnnxBackend(found, 0)))


def _open_full(artifact: Artifact) -> Predictor:
    """Raises UsageError where torch cannot serve the model."""
    try:
        return open_predictor(artifact.path, load_backend=lambda found: open_torch(found, "cpu"))
    except UnsupportedArchitectureError as error:
        raise UsageError(
            f"{error}. Only what torch can serve has full precision to hold int8 against; "
            "on this processor measure the artifact itself, with 'python -m scripts.evaluate "
            "--artifact DIR --data FILE', and hold that against the figures in its manifest"
        ) from error


def _conclude(int8: LabelAnswers, full: LabelAnswers, arguments: argparse.Namespace) -> None:
    agreement = compare(int8, full)
    machine = platform.machine()
    accuracy = {"int8": _accuracy(int8), "full precision": _accuracy(full)}
    print(f"{machine}: {agreement}")
    print("accuracy: " + ", ".join(f"{name} {share:.2%}" for name, share in accuracy.items()))
    figures = {"share": agreement.share, "mean_difference": agreement.mean_difference}
    write_json({"machine": machine, **figures, "accuracy": accuracy}, arguments.json)
    if not holds(agreement, arguments.labels, arguments.distance):
        raise CommandError(f"int8 does not answer as full precision does on this {machine}")


def holds(agreement: Agreement, labels: float, distance: float) -> bool:
    """Whether nothing but rounding stands between the two."""
    return agreement.high >= labels and agreement.mean_difference <= distance


def _accuracy(answers: LabelAnswers) -> float:
    return float(answers.right.mean())


def _arguments() -> argparse.Namespace:
    parser = registry_parser("scripts.parity", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--labels", type=float, default=LABELS, help="share that must agree")
    parser.add_argument(
        "--distance", type=float, default=DISTANCE, help="of probabilities, at most, in the mean"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
