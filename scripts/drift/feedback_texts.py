"""Texts that their owners sent with feedback, as rows that training and golden sets take."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet

from scripts.drift.log_lines import ENTITIES, Line, lines_of, time_of
from scripts.drift.prediction_log import Window, log_files

ANSWERS = {"label": pa.string(), "entities": ENTITIES}  # what feedback may say, by the task
SUFFIXES = PARQUET, LINES = ".parquet", ".jsonl"

Row = dict[str, Any]
Told = tuple[datetime, Mapping[str, Any]]


class Answered(NamedTuple):
    """What the log has of a text that was answered."""

    characters: int
    text_hmac: str | None

    def may_be(self, text: str, text_hmac: str | None) -> bool:
        """Whether a text is this one. Where both have a hash that decides, else the length."""
        if self.text_hmac and text_hmac:
            return self.text_hmac == text_hmac
        return self.characters == len(text)


@dataclass(frozen=True)
class ToldTexts:
    """Rows of `text` and `label`, or `text` and `entities`, each text once, by the last word on it.

    without_text: predictions whose feedback told none. foreign: those whose feedback has a text
    that is not what was answered, by the keyed hashes of both, or by its length where one is
    missing. damaged: lines that could not be read.
    """

    rows: Sequence[Row]
    without_text: int
    foreign: int
    damaged: int

    def write(self, path: Path) -> None:
        """As JSON lines, or as Parquet where the file's name says so; whole or not at all."""
        partial = path.with_name(f".partial-{path.name}")
        if path.suffix == PARQUET:
            pa.parquet.write_table(self._table(), partial)
        else:
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows]
            partial.write_text("".join(lines), encoding="utf-8")
        os.replace(partial, path)

    def _table(self) -> pa.Table:
        said = [name for name in ANSWERS if any(name in row for row in self.rows)]
        schema = pa.schema([("text", pa.string()), *((name, ANSWERS[name]) for name in said)])
        return pa.Table.from_pylist(list(self.rows), schema=schema)


def read_told_texts(where: str, window: Window, model: str) -> ToldTexts:
    """What feedback told of the texts that a model answered in a window.

    where: as for `prediction_log.read_log`, with its errors.
    """
    lines = (line for content in log_files(where, window) for line in lines_of(content))
    return told_texts(lines, window, model)


def told_texts(lines: Iterable[Line], window: Window, model: str) -> ToldTexts:
    """The same of lines at hand, None for each that is damaged."""
    damaged = without_text = foreign = 0
    answered: dict[str, Answered] = {}
    feedback: dict[str, list[Told]] = defaultdict(list)
    for line in lines:
        try:
            if line is None:
                damaged += 1
            elif line["log"] == "feedback" and ANSWERS.keys() & line.keys():
                feedback[line["id"]].append((time_of(line), line))
            elif line["model"] == model and window.holds(time_of(line)):
                answered[line["id"]] = Answered(int(line["characters"]), line.get("text_hmac"))
        except (KeyError, TypeError, ValueError):
            damaged += 1
    rows: list[tuple[datetime, Row]] = []
    for id_ in filter(feedback.__contains__, answered):
        time, row = _last_word(feedback[id_])
        text_hmac = row.pop("text_hmac", None)
        if "text" not in row:
            without_text += 1
        elif not answered[id_].may_be(row["text"], text_hmac):
            foreign += 1
        else:
            rows.append((time, row))
    last = {" ".join(row["text"].split()): row for _, row in sorted(rows, key=itemgetter(0))}
    return ToldTexts(list(last.values()), without_text, foreign, damaged)


def _last_word(told: Sequence[Told]) -> tuple[datetime, Row]:
    """What was said last of a prediction. Who corrects a label need not send the text again."""
    row: Row = {}
    for _, line in sorted(told, key=itemgetter(0)):
        row |= {name: line[name] for name in ANSWERS if name in line}
        if "text" in line:
            row |= {"text": line["text"], "text_hmac": line.get("text_hmac")}
    return max(time for time, _ in told), row
