"""Latency, throughput, cold start, memory and size beside a plain `transformers` pipeline."""

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from scripts.benchmarking import page
from scripts.benchmarking.plan import QUICK, Plan, subject
from scripts.benchmarking.run import measure
from scripts.commandline import run
from scripts.lifecycle.errors import CommandError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.benchmark", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the page, in Markdown")
    parser.add_argument("--json", type=Path, required=True, help="the same figures as JSON")
    parser.add_argument("--data", type=Path, help="real texts: a Parquet file's column 'text'")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="an interpreter with the Lambda's packages alone, for what is measured of the Lambda",
    )
    parser.add_argument("--quick", action="store_true", help="see that it runs; no figure counts")
    arguments = parser.parse_args()
    # An exception, so that servers under measurement are ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = measure(
        subject(arguments.python),
        QUICK if arguments.quick else Plan(),
        arguments.data,
        quick=arguments.quick,
    )
    shown = page.render(results)
    for path, content in (
        (arguments.output, shown),
        (arguments.json, json.dumps(asdict(results), indent=1) + "\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    sys.stdout.write(shown)
    missed = [verdict for verdict in results.budgets if not verdict.passed]
    if missed:
        raise CommandError(
            "; ".join(
                f"{verdict.budget}: {verdict.measured}, not {verdict.limit}" for verdict in missed
            )
        )


if __name__ == "__main__":
    run(main)
