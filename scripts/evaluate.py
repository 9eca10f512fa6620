"""Measure a model on labelled texts: an artifact, by the code that serves it, or a service."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.predictor import Predictor
from scripts.commandline import run, write_json
from scripts.lifecycle.errors import MissingExtraError, UsageError
from scripts.training.agreement import OneByOne, compare
from scripts.training.behaviour import check_behaviour
from scripts.training.evaluation import Evaluation, evaluate, open_predictor
from scripts.training.highlights import check_highlights
from scripts.training.metrics import figures
from scripts.training.remote import Service
from scripts.training.sources import LabelledTexts, read_labelled

SEED = 7


def main() -> None:
    arguments = _arguments()
    if arguments.agreement and arguments.backend != "torch":
        raise UsageError("--agreement is torch's with the ONNX graph: add --backend torch")
    report = _measure_service(arguments) if arguments.url else _measure_artifact(arguments)
    write_json(report, arguments.json)


def _measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
    loaders = {"onnx": None, "torch": _open_torch}
    predictor = open_predictor(arguments.artifact, load_backend=loaders[arguments.backend])
    artifact = predictor.artifact
    rows = _rows(arguments, predictor.labels)
    measured = evaluate(predictor, rows, title=f"{arguments.data.name}, {arguments.backend}")
    report = _report(artifact.manifest.model, artifact.version, measured)
    if arguments.agreement:
        report["agreement"] = _agreement(arguments.artifact, rows, measured)
    if arguments.behaviour:
        report["behaviour"] = _behaviour(predictor)
    if arguments.highlights:
        report["highlights"] = _highlights(predictor, rows, arguments.highlights)
    return report


def _measure_service(arguments: argparse.Namespace) -> dict[str, Any]:
    own = ("behaviour", "highlights", "agreement")
    if any(getattr(arguments, name) for name in own) or arguments.backend != "onnx":
        named = ", ".join(f"--{name}" for name in own)
        raise UsageError(f"{named} and --backend need the artifact itself: give --artifact")
    service = Service(arguments.url)
    rows = _rows(arguments, service.labels)
    measured = service.evaluate(rows, title=arguments.data.name)
    return _report(service.name, service.version, measured)


def _open_torch(artifact: Artifact) -> Backend:
    try:
        from function.backends.torch_backend import TorchBackend  # seconds of import
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install torch transformers safetensors"
        ) from error
    return TorchBackend(artifact)


def _agreement(path: Path, rows: LabelledTexts, torch: Evaluation) -> dict[str, Any]:
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


def _rows(arguments: argparse.Namespace, labels: list[str]) -> LabelledTexts:
    return read_labelled(arguments.data, labels, text=arguments.text, label=arguments.label)


def _report(model: str, version: str, measured: Evaluation) -> dict[str, Any]:
    report = {
        "model": model,
        "version": version,
        **figures(measured.probabilities, measured.truth),
    }
    for name, value in report.items():
        print(f"{name:18} {value}")
    return report


def _behaviour(predictor: Predictor) -> list[dict[str, Any]]:
    checks = check_behaviour(predictor)
    for check in checks:
        print(f"{check.name:26} {check.figure:.3f}  {'; '.join(check.failures)}")
    return [asdict(check) for check in checks]


def _highlights(predictor: Predictor, rows: LabelledTexts, count: int) -> dict[str, Any]:
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    highlighting = check_highlights(predictor, [rows.texts[row] for row in order])
    print(
        f"{'highlights':26} in {highlighting.share:.1%} of {highlighting.texts} texts, five top "
        "words matter more than five random ones"
    )
    return asdict(highlighting)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--artifact", type=Path, help="a folder with a manifest")
    what.add_argument("--url", help="a running service; API_KEY is sent as its bearer key")
    parser.add_argument("--data", type=Path, required=True, help="Parquet, CSV, JSONL or folders")
    parser.add_argument("--text", default="text", help="the column of the text")
    parser.add_argument("--label", default="label", help="the column of the label")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument(
        "--agreement",
        action="store_true",
        help="with --backend torch: also how often the ONNX graph gives the same label",
    )
    parser.add_argument(
        "--behaviour", action="store_true", help="also negation, short and neutral sentences"
    )
    parser.add_argument(
        "--highlights",
        type=int,
        metavar="N",
        help="also explain N of the texts, and see that the highlighted words matter",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
