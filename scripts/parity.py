"""Hold a model's int8 graph against full precision, on the processor at hand.

A processor without dot products of eight bits may saturate them, and answer wrongly without a word.
Torch reads the same weights as 32-bit floats, so what differs is what eight bits do. The texts are
the model's golden set. Ends with 1 where the two differ by more than rounding does.
"""

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.catalog import LoadBackend
from scripts.commandline import registry_parser, run, write_json
from scripts.lifecycle.errors import CommandError, MissingExtraError, RegistryError
from scripts.lifecycle.gate.golden import GoldenSet, parse_golden
from scripts.lifecycle.golden_sets import current_golden
from scripts.lifecycle.registry import PRODUCTION, open_registry
from scripts.training.agreement import Agreement, OneByOne, compare
from scripts.training.evaluation import Evaluation, evaluate, open_predictor
from scripts.training.sources import LabelledTexts

# Labels that agree, unless so few texts leave it open; and how far probabilities lie apart in the
# mean, which is 0.011 for the bundled model on a processor that multiplies right.
LABELS, DISTANCE = 0.99, 0.03


def main() -> None:
    arguments = _arguments()
    registry = open_registry(arguments.registry)
    production = registry.alias(arguments.model, PRODUCTION)
    if production is None:
        raise RegistryError(f"{arguments.model}: nothing is in production")
    golden = parse_golden(current_golden(registry.store, arguments.model)[1])
    readers: Mapping[str, LoadBackend] = {
        "int8": lambda artifact: OneByOne(OnnxBackend(artifact, 0)),
        "full precision": _open_torch,
    }
    with TemporaryDirectory() as scratch:
        path = registry.download(arguments.model, production.version, Path(scratch) / "m").path
        int8, full = (_read(path, reader, golden, name) for name, reader in readers.items())
    _conclude(int8, full, arguments)


def _conclude(int8: Evaluation, full: Evaluation, arguments: argparse.Namespace) -> None:
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


def _read(path: Path, reader: LoadBackend, golden: GoldenSet, name: str) -> Evaluation:
    predictor = open_predictor(path, load_backend=reader)
    rows = LabelledTexts(list(golden.texts), golden.codes(predictor.labels).tolist(), [])
    return evaluate(predictor, rows, title=name)


def _open_torch(artifact: Artifact) -> Backend:
    try:
        from function.backends.torch_backend import TorchBackend  # seconds of import
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install torch transformers safetensors"
        ) from error
    return TorchBackend(artifact, device="cpu")


def _accuracy(answers: Evaluation) -> float:
    return float((answers.probabilities.argmax(axis=1) == answers.truth).mean())


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
