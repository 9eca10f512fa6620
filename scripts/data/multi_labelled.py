"""Texts with several labels each, or none, from a table of any format."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from function.core.tokenization import Text
from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import RowError, check_names, refuse_row
from scripts.data.tables import open_table

FORM = 'a list of names, or in CSV names between commas, or a JSON list such as ["a", "b"]'
FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


@dataclass(frozen=True)
class MultiLabelledTexts:
    """Rows of one data set; `labels` are the names of each text's labels.

    `groups` is empty where the source has none.
    """

    texts: list[Text]
    labels: list[list[str]]
    groups: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "MultiLabelledTexts":
        return MultiLabelledTexts(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            [self.groups[row] for row in rows] if self.groups else [],
        )


def read_multi_labelled(
    path: Path,
    labels: Sequence[str],
    *,
    text: str = "text",
    label: str = "labels",
    group: str | None = None,
    renamed: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> MultiLabelledTexts:
    """Read texts with their labels, and log how many texts have each.

    Without a column `label`, each label may have a column of 0 and 1. Arguments are those of
    `read_labelled`. Raises DataError where a text, a list or a label is wrong.
    """
    table, new_names = open_table(path, encoding), renamed or {}
    flags = [name for name in table.names if new_names.get(name, name) in labels]
    if label in table.names or len(flags) < len(labels):
        flags = []
    check_names(path, table.names, [text, None if flags else label, group])
    table.check(text, [group] if group else [])
    rows = MultiLabelledTexts([], [])
    for chunk in table.chunks():
        texts, groups = chunk.texts(text), chunk.scalars(group) if group else []
        for index, record in enumerate(chunk.records(range(len(chunk)))):
            cells = (texts[index], *groups[index : index + 1])
            for cell in cells:
                if isinstance(cell, RowError):
                    refuse_row(table, chunk, index, cell)
            try:
                names = _flagged(record, flags) if flags else parse_names(_list(record.get(label)))
            except ValueError as error:
                refuse_row(table, chunk, index, error)
            names = [new_names.get(name, name) for name in names]
            if unknown := [name for name in names if name not in labels]:
                refuse_row(
                    table, chunk, index, f"label '{unknown[0]}' is none of {', '.join(labels)}"
                )
            rows.texts.append(str(cells[0]))
            rows.labels.append(names)
            rows.groups.extend(map(str, cells[1:]))
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


def _flagged(record: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Return the names of the columns that hold a 1."""
    cells = {name: str(record.get(name)).lower() for name in columns}
    if wrong := [name for name, cell in cells.items() if cell not in FLAGS]:
        raise ValueError(f"'{wrong[0]}' is 0 or 1, not {record.get(wrong[0])!r}")
    return sorted(name for name, cell in cells.items() if FLAGS[cell])


def _list(cell: Any) -> Any:
    """Return the list that a cell of text holds, other cells as they are; nothing is no label."""
    if cell is None:
        return []
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return json.loads(cell)
    return [name.strip() for name in cell.split(",") if name.strip()]
