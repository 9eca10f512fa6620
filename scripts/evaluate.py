"""Measure an artifact on labelled texts, by the very code that serves it."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.commandline import run
from scripts.training.behaviour import check_behaviour
from scripts.training.evaluation import evaluate, open_predictor
from scripts.training.metrics import figures
from scripts.training.sources import read_labelled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="a folder with a manifest")
    parser.add_argument("--data", type=Path, required=True, help="Parquet, CSV, JSONL or folders")
    parser.add_argument("--text", default="text", help="the column of the text")
    parser.add_argument("--label", default="label", help="the column of the label")
    parser.add_argument(
        "--behaviour", action="store_true", help="also negation, short and neutral sentences"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    predictor = open_predictor(arguments.artifact)
    rows = read_labelled(
        arguments.data, predictor.labels, text=arguments.text, label=arguments.label
    )
    result = evaluate(predictor, rows, title=arguments.data.name)
    measured = figures(result.probabilities, result.truth)
    artifact = predictor.artifact
    report: dict[str, Any] = {
        "model": artifact.manifest.model,
        "version": artifact.version,
        **measured,
    }
    for name, value in report.items():
        print(f"{name:18} {value}")
    if arguments.behaviour:
        checks = check_behaviour(predictor)
        report["behaviour"] = [asdict(check) for check in checks]
        for check in checks:
            print(f"{check.name:26} {check.figure:.3f}  {'; '.join(check.failures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
