"""Make rows for training, or for a golden set, of the texts that came with feedback.

Takes feedback on what a model answered in a window of the prediction log: the last word on each
text, once. FILE has `text` and `label`, or `entities`, as `scripts.train` and `scripts.golden`
read them.
"""

import argparse
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from scripts.common.command_line import run
from scripts.common.errors import UsageError
from scripts.drift.check import add_log
from scripts.drift.feedback_texts import SUFFIXES, ToldTexts, read_told_texts
from scripts.drift.prediction_log import parse_window


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.feedback", description=__doc__)
    parser.add_argument("--model", required=True)
    add_log(parser)
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"ends in {' or '.join(SUFFIXES)}",
    )
    arguments = parser.parse_args()
    if arguments.output.suffix not in SUFFIXES:
        raise UsageError(f"--output {arguments.output}: end it in {' or '.join(SUFFIXES)}")
    if arguments.output.exists():
        raise UsageError(f"--output {arguments.output}: is there already; name a new file")
    window = parse_window(arguments.since, arguments.until, datetime.now(UTC))
    found = read_told_texts(arguments.log, window, arguments.model)
    if found.rows:
        found.write(arguments.output)
    print(_summary(found))


def _summary(found: ToldTexts) -> str:
    kinds = Counter(row.get("label", "with entities") for row in found.rows)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    left_out = (
        (found.without_text, "without a text"),
        (found.foreign, "with another text than was answered"),
        (found.damaged, "damaged lines"),
    )
    rest = ", ".join(f"{count} {why}" for count, why in left_out if count)
    said = f"{len(found.rows)} texts" + (f": {counted}" if counted else ", and no file")
    return said + (f"; left out: {rest}" if rest else "")


if __name__ == "__main__":
    run(main)
