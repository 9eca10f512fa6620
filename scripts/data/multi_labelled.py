"""Texts with several labels each, or none, from a table of any format."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import check_names, read_parsed
from scripts.data.tables import open_table
from scripts.data.truth import TextRows, TruthForm

FORM = 'a list of names, or in CSV names between commas, or a JSON list such as ["a", "b"]'
FLAGS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


class LabelsForm(TruthForm[list[str]]):
    """The names of a text's labels, which may be none."""

    key = "labels"
    description = '"labels", a list of strings'
    none = "no labels"
    options = frozenset({"text", "text_pair", "label", "renamed"})

    def read_singles(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows[list[str]]:
        """See `read_multi_labelled`."""
        return read_multi_labelled(path, labels, **how)

    def parse(self, value: Any) -> list[str]:
        return parse_names(value)

    def labels_of(self, truth: list[str]) -> Sequence[str]:
        return truth

    def problem(self, rows: TextRows[list[str]]) -> str:
        return "" if any(rows.truth) else "it needs texts with labels"


def read_multi_labelled(
    path: Path,
    labels: Sequence[str],
    *,
    text: str = "text",
    label: str = "labels",
    group: str | None = None,
    renamed: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> TextRows[list[str]]:
    """Read texts with their labels, and log how many texts have each.

    Without a column `label`, each label may have a column of 0 and 1. Arguments are those of
    `read_labelled`. Raises DataError where a text, a list or a label is wrong.
    """
    table, new_names = open_table(path, encoding), renamed or {}
    flags = [name for name in table.names if new_names.get(name, name) in labels]
    if label in table.names or len(flags) < len(labels):
        flags = []
    check_names(path, table.names, [text, None if flags else label])

    def parse(record: Mapping[str, Any]) -> list[str]:
        given = _flagged(record, flags) if flags else parse_names(_list_in(record.get(label)))
        names = [new_names.get(name, name) for name in given]
        if unknown := [name for name in names if name not in labels]:
            raise ValueError(f"label '{unknown[0]}' is none of {', '.join(labels)}")
        return names

    found, columns, truth = read_parsed(table, text, parse, [group] if group else [])
    if not found:
        raise DataError(f"{path}: it has no rows.")
    counts = Counter(name for names in truth for name in names)
    log(f"{path}: {len(found):,} rows; " + ", ".join(f"{each} {counts[each]:,}" for each in labels))
    return TextRows(found, truth, columns[0] if columns else ())


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


def _list_in(cell: Any) -> Any:
    """Return the list that a cell of text holds, other cells as they are; nothing is no label."""
    if cell is None:
        return []
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return json.loads(cell)
    return [name.strip() for name in cell.split(",") if name.strip()]
