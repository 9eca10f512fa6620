"""Measure an artifact on labelled texts, by the very code that serves it."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scripts.commandline import run, write_json
from scripts.training.behaviour import check_behaviour
from scripts.training.evaluation import evaluate, open_predictor
from scripts.training.highlights import check_highlights
from scripts.training.metrics import figures
from scripts.training.sources import read_labelled

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="a folder with a manifest")
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
    if arguments.highlights:
        order = np.random.default_rng(SEED).permutation(len(rows))[: arguments.highlights]
        highlighting = check_highlights(predictor, [rows.texts[row] for row in order])
        report["highlights"] = asdict(highlighting)
        print(
            f"{'highlights':26} in {highlighting.share:.1%} of {highlighting.texts} texts, five "
            "top words matter more than five random ones"
        )
    write_json(report, arguments.json)


if __name__ == "__main__":
    run(main)
