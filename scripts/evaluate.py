"""Measure a model on texts with the truth: an artifact, by the code that serves it, or a service.

The truth is a label each where the model classifies texts, their entities where it finds those:
CoNLL columns, or JSON lines and Parquet of `text` and `entities`.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from function.core.artifact import Task, open_artifact
from scripts.commandline import run, write_json
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


def main() -> None:
    arguments = _arguments()
    if arguments.agreement and arguments.backend != "torch":
        raise UsageError("--agreement is torch's with the ONNX graph: add --backend torch")
    if arguments.model and not arguments.url:
        raise UsageError("--model names one that a service serves: give --url")
    report = _measure_service(arguments) if arguments.url else _measure_artifact(arguments)
    write_json(report, arguments.json)


def _measure_artifact(arguments: argparse.Namespace) -> dict[str, Any]:
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


def _measure_service(arguments: argparse.Namespace) -> dict[str, Any]:
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--artifact", type=Path, help="a folder with a manifest")
    what.add_argument("--url", help="a running service; API_KEY is sent as its bearer key")
    parser.add_argument("--model", help="with --url: one that is served there, not the default")
    parser.add_argument("--data", type=Path, required=True, help="a file, or folders of a label")
    parser.add_argument("--text", help="of labels: the column of the text, `text` by default")
    parser.add_argument("--label", help="of labels: the column of the label, `label` by default")
    parser.add_argument(
        "--renamed-label",
        action="append",
        type=_renaming,
        metavar="OLD=NEW",
        help="of entities: what a label of the file is called in the model; repeatable",
    )
    parser.add_argument(
        "--documents",
        action="store_true",
        help="of entities: read the texts of a document as one",
    )
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


def _renaming(value: str) -> tuple[str, str]:
    old, _, new = value.partition("=")
    if not old or not new:
        raise argparse.ArgumentTypeError(f"{value}: give OLD=NEW")
    return old, new


if __name__ == "__main__":
    run(main)
