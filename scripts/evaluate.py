"""Measure a model on labelled texts: an artifact, by the code that serves it, or a service."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from function.core.predictor import Predictor
from scripts.commandline import run, write_json
from scripts.lifecycle.errors import UsageError
from scripts.training.behaviour import check_behaviour
from scripts.training.evaluation import Evaluation, evaluate, open_predictor
from scripts.training.highlights import check_highlights
from scripts.training.metrics import figures
from scripts.training.remote import Service
from scripts.training.sources import LabelledTexts, read_labelled

SEED = 7


def main() -> None:
    arguments = _arguments()
    report = _measure_service(arguments) if arguments.url else _measure_artifact(arguments)
    write_json(report, arguments.json)


def _measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
    predictor = open_predictor(arguments.artifact)
    artifact = predictor.artifact
    rows = _rows(arguments, predictor.labels)
    measured = evaluate(predictor, rows, title=arguments.data.name)
    report = _report(artifact.manifest.model, artifact.version, measured)
    if arguments.behaviour:
        report["behaviour"] = _behaviour(predictor)
    if arguments.highlights:
        report["highlights"] = _highlights(predictor, rows, arguments.highlights)
    return report


def _measure_service(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.behaviour or arguments.highlights:
        raise UsageError("--behaviour and --highlights need the artifact itself: give --artifact")
    service = Service(arguments.url)
    rows = _rows(arguments, service.labels)
    measured = service.evaluate(rows, title=arguments.data.name)
    return _report(service.name, service.version, measured)


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
