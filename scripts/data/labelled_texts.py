"""Labelled texts: a cell that equals a label's name is that label, and positions are the rest."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from function.core.tokenization import Text
from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import read_cells
from scripts.data.tables import open_table


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


@dataclass(frozen=True)
class LabelledInputs:
    """Texts, or pairs of texts, to measure a model on; `labels` are as in `LabelledTexts`."""

    texts: Sequence[Text]
    labels: Sequence[int]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "LabelledInputs":
        return LabelledInputs([self.texts[row] for row in rows], [self.labels[row] for row in rows])


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
