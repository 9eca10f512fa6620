"""Texts with several labels each, or none, from a table of any format."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from function.core.tokenization import Text
from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import RowError, check_names, refuse_row
from scripts.data.tables import open_table

FORM = 'a list of names, or in CSV names between commas, or a JSON list such as ["a", "b"]'


@dataclass(frozen=True)
class MultiLabelledTexts:
    """Rows of one data set; `labels` are the names of each text's labels."""

    texts: list[Text]
    labels: list[list[str]]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "MultiLabelledTexts":
        return MultiLabelledTexts(
            [self.texts[row] for row in rows], [self.labels[row] for row in rows]
        )


def read_multi_labelled(
    path: Path,
    labels: Sequence[str],
    *,
    text: str = "text",
    label: str = "labels",
    renamed: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> MultiLabelledTexts:
    """Read texts with their labels, and log how many texts have each.

    Arguments are those of `read_labelled`. Raises DataError where a text, a list or a label is
    wrong.
    """
    table = open_table(path, encoding)
    check_names(path, table.names, [text, label])
    table.check(text)
    rows = MultiLabelledTexts([], [])
    for chunk in table.chunks():
        texts = chunk.texts(text)
        for index, record in enumerate(chunk.records(range(len(chunk)))):
            cell = texts[index]
            if isinstance(cell, RowError):
                refuse_row(table, chunk, index, cell)
            try:
                names = parse_names(_list_in(record.get(label)))
            except ValueError as error:
                refuse_row(table, chunk, index, error)
            names = [(renamed or {}).get(name, name) for name in names]
            if unknown := [name for name in names if name not in labels]:
                refuse_row(
                    table, chunk, index, f"label '{unknown[0]}' is none of {', '.join(labels)}"
                )
            rows.texts.append(cell)
            rows.labels.append(names)
    if not rows.texts:
        raise DataError(f"{path}: it has no rows.")
    counts = Counter(name for names in rows.labels for name in names)
    log(f"{path}: {len(rows):,} rows; " + ", ".join(f"{each} {counts[each]:,}" for each in labels))
    return rows


def parse_names(value: object) -> list[str]:
    """Return the labels of one text, sorted. Raises ValueError unless they are names, each once."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"labels are {FORM}, not {value!r}")
    if len(set(value)) < len(value):
        raise ValueError(f"labels: each at most once, not {value!r}")
    return sorted(value)


def _list_in(cell: Any) -> Any:
    """Return the list that a cell of text holds, other cells as they are; nothing is no label."""
    if cell is None:
        return []
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return json.loads(cell)
    return [name.strip() for name in cell.split(",") if name.strip()]
