"""Make rows for training, or for a golden set, from texts that were sent with feedback.

Reads the feedback on a model's answers in a time range of the prediction log: the last one on each
text. FILE has `text` and `label`, or `entities`, as `scripts.train` and `scripts.golden` read them.
"""

import argparse
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from scripts.common.command_line import run
from scripts.common.errors import UsageError
from scripts.drift.check import add_log_arguments
from scripts.drift.feedback_texts import SUFFIXES, FeedbackTexts, read_feedback_texts
from scripts.drift.prediction_log import parse_time_range


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.feedback", description=__doc__)
    parser.add_argument("--model", required=True)
    add_log_arguments(parser)
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
    time_range = parse_time_range(arguments.since, arguments.until, datetime.now(UTC))
    texts = read_feedback_texts(arguments.log, time_range, arguments.model)
    if texts.rows:
        texts.write(arguments.output)
    print(_summary(texts))


def _summary(texts: FeedbackTexts) -> str:
    kinds = Counter(row.get("label", "with entities") for row in texts.rows)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    left_out = (
        (texts.without_text, "without a text"),
        (texts.foreign, "with another text than was answered"),
        (texts.damaged, "damaged lines"),
    )
    rest = ", ".join(f"{count} {why}" for count, why in left_out if count)
    summary = f"{len(texts.rows)} texts" + (f": {counted}" if counted else ", and no file")
    return summary + (f"; left out: {rest}" if rest else "")


if __name__ == "__main__":
    run(main)
