"""Labelled texts: a cell that equals a label's name is that label, and positions are the rest."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import read_cells
from scripts.data.tables import open_table
from scripts.data.truth import TextRows, TruthForm


@dataclass(frozen=True)
class LabelledTexts:
    """Rows of one data set; `groups` is empty where the source has none."""

    texts: list[str]
    labels: list[int]  # positions in the labels of the model
    groups: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "LabelledTexts":
        return LabelledTexts(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            [self.groups[row] for row in rows] if self.groups else [],
        )


class LabelForm(TruthForm[str]):
    """The name of a text's one label."""

    key = "label"
    description = 'a "label", a string'
    options = frozenset({"text", "text_pair", "label", "renamed"})

    def read_singles(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows[str]:
        """See `read_labelled`."""
        rows = read_labelled(path, labels, **how)
        return TextRows(rows.texts, [labels[code] for code in rows.labels])

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no string")
        return value

    def labels_of(self, truth: str) -> Sequence[str]:
        return [truth]

    def problem(self, rows: TextRows[str]) -> str:
        return "it needs rows of two labels or more" if len(set(rows.truth)) < 2 else ""


def read_labelled(
    path: Path,
    labels: Sequence[str],
    *,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    renamed: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> LabelledTexts:
    """Read texts with their labels, and log how the labels were read and the rows of each.

    Args:
        path: see `open_table`.
        labels: names, in the order of their positions.
        text: the column of the text.
        label: the column of the label.
        group: a column of what rows may belong to, such as a film.
        renamed: labels of the file by their names among `labels`, where the two differ.
        encoding: see `open_table`.

    Raises:
        DataError: a column or a cell is missing, a label unknown, or there are fewer than two.
    """
    table = open_table(path, encoding)
    texts, columns = read_cells(table, text, [label, group] if group else [label])
    if not texts:
        raise DataError(f"{path}: it has no rows.")
    cells = [(renamed or {}).get(cell, cell) for cell in columns[0]]
    positions, reading = _read_labels(path, cells, labels)
    codes = [positions[cell] for cell in cells]
    counts = Counter(codes)
    if len(counts) < 2:
        raise DataError(f"{path}: every row has the same label; a classifier needs two or more.")
    shown = ", ".join(f"{labels[code]} {counts[code]:,}" for code in sorted(counts))
    log(f"{path}: {len(texts):,} rows; labels by {reading}: {shown}")
    return LabelledTexts(texts, codes, columns[1] if group else [])


def read_texts(path: Path, text: str = "text", encoding: str | None = None) -> list[str]:
    """Read unlabelled texts. Raises DataError as `read_labelled` does."""
    return read_cells(open_table(path, encoding), text)[0]


def require_labels(labels: Sequence[str], codes: Iterable[int]) -> None:
    """Raise DataError if a label of the model is none of those that occur in its data sets."""
    used = set(codes)
    if missing := [name for code, name in enumerate(labels) if code not in used]:
        raise DataError(
            f"no row has the label {_listed(missing)}; the configuration has {_listed(labels)}, "
            f"the data {_listed([labels[code] for code in sorted(used)])}. A model cannot learn "
            "what it never sees: add rows, or take the label out."
        )


def _read_labels(
    path: Path, cells: Sequence[str], labels: Sequence[str]
) -> tuple[dict[str, int], str]:
    """Return the position of each label that occurs, and which reading of the cells it is."""
    names = {name: code for code, name in enumerate(labels)}
    found = dict.fromkeys(cells)
    if any(cell in names for cell in found):
        positions, reading = names, "name"
    else:
        positions, reading = {str(code): code for code in range(len(labels))}, "position"
    if unknown := sorted(cell for cell in found if cell not in positions):
        other = f" or their positions, 0 to {len(labels) - 1}" if reading == "position" else ""
        raise DataError(
            f"{path}: the label {_listed(unknown)} is none of the model's: {_listed(labels)}"
            f"{other}. The file has {_listed(sorted(found))}."
        )
    return positions, reading


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
