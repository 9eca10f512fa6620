"""Make rows for training, or for a golden set, from texts that were sent with feedback.

Reads the feedback on a model's answers in a time range of the prediction log: the last one on each
text. FILE has `text` and `label`, or `entities`, as `scripts.train` and `scripts.golden` read them.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import UsageError
from scripts.drift.arguments import add_log_arguments

with needing("make data"):
    import pyarrow as pa
    import pyarrow.parquet

    from scripts.drift.log_lines import ENTITIES, Line, lines_of, time_of
    from scripts.drift.prediction_log import TimeRange, log_files, parse_time_range

TRUTHS = ("label", "entities")  # members of feedback, by the task
SUFFIXES = PARQUET, LINES = ".parquet", ".jsonl"

TimedFeedback = tuple[datetime, Mapping[str, Any]]


class LoggedText(NamedTuple):
    """The record of a text that was answered."""

    characters: int
    text_hmac: str | None

    def matches(self, text: str, text_hmac: str | None) -> bool:
        """Return whether a text may be this one, by its keyed hash, or by its length without."""
        if self.text_hmac and text_hmac:
            return self.text_hmac == text_hmac
        return self.characters == len(text)


@dataclass(frozen=True)
class FeedbackTexts:
    """Texts with their last feedback, and counts of what was left out."""

    rows: Sequence[dict[str, Any]]  # `text` and `label`, or `text` and `entities`; each text once
    without_text: int  # predictions whose feedback has no text
    foreign: int  # predictions whose feedback has another text than was answered
    damaged: int  # lines that could not be read

    def write(self, path: Path) -> None:
        """Write JSON lines, or Parquet if the file's name says so; whole or not at all."""
        partial = path.with_name(f".partial-{path.name}")
        if path.suffix == PARQUET:
            pa.parquet.write_table(self._table(), partial)
        else:
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows]
            partial.write_text("".join(lines), encoding="utf-8")
        os.replace(partial, path)

    def _table(self) -> pa.Table:
        kinds = {"text": pa.string(), "label": pa.string(), "entities": ENTITIES}
        present = {name for row in self.rows for name in row}
        schema = pa.schema([(name, kind) for name, kind in kinds.items() if name in present])
        return pa.Table.from_pylist(list(self.rows), schema=schema)


def read_feedback_texts(where: str, time_range: TimeRange, model: str) -> FeedbackTexts:
    """Read the feedback on texts that a model answered in a time range.

    `where` and errors are those of `prediction_log.log_files`.
    """
    lines = (line for content in log_files(where, time_range) for line in lines_of(content))
    return collect_feedback_texts(lines, time_range, model)


def collect_feedback_texts(
    lines: Iterable[Line], time_range: TimeRange, model: str
) -> FeedbackTexts:
    """Collect the feedback from lines of the log, None for each that is damaged."""
    damaged = without_text = foreign = 0
    answered: dict[str, LoggedText] = {}
    feedback: dict[str, list[TimedFeedback]] = defaultdict(list)
    for line in lines:
        try:
            if line is None:
                damaged += 1
            elif line["log"] == "feedback" and any(name in line for name in TRUTHS):
                feedback[line["id"]].append((time_of(line), line))
            elif line["model"] == model and time_range.holds(time_of(line)):
                answered[line["id"]] = LoggedText(int(line["characters"]), line.get("text_hmac"))
        except (KeyError, TypeError, ValueError):
            damaged += 1
    rows: list[tuple[datetime, dict[str, Any]]] = []
    for id_ in filter(feedback.__contains__, answered):
        time, row = _merge(feedback[id_])
        text_hmac = row.pop("text_hmac", None)
        if "text" not in row:
            without_text += 1
        elif not answered[id_].matches(row["text"], text_hmac):
            foreign += 1
        else:
            rows.append((time, row))
    last = {" ".join(row["text"].split()): row for _, row in sorted(rows, key=itemgetter(0))}
    return FeedbackTexts(list(last.values()), without_text, foreign, damaged)


def _merge(feedback: Sequence[TimedFeedback]) -> tuple[datetime, dict[str, Any]]:
    """Return the last feedback on a prediction; a corrected label need not repeat the text."""
    row: dict[str, Any] = {}
    for _, line in sorted(feedback, key=itemgetter(0)):
        row |= {name: line[name] for name in TRUTHS if name in line}
        if "text" in line:
            row |= {"text": line["text"], "text_hmac": line.get("text_hmac")}
    return max(time for time, _ in feedback), row


def main() -> None:
    parser = command_parser("scripts.feedback", __doc__)
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
