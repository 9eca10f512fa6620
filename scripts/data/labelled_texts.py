"""Labelled texts from Parquet, CSV, JSON lines, an `aclImdb` folder, or a `datasets` name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from scripts.common.errors import DataError

READERS = {
    ".parquet": pa.parquet.read_table,
    ".csv": lambda path: pa.csv.read_csv(
        path, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
    ),
    ".jsonl": pa.json.read_json,
}


@dataclass(frozen=True)
class LabelledTexts:
    """Rows of one data set; `groups` is empty where the source has none."""

    texts: list[str]
    labels: list[int]
    groups: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "LabelledTexts":
        return LabelledTexts(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            [self.groups[row] for row in rows] if self.groups else [],
        )


def read_labelled(
    path: Path,
    labels: Sequence[str],
    *,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
) -> LabelledTexts:
    """Read texts with their labels, as codes into `labels`; the file may have codes or names.

    Raises DataError where a column is missing, a label is unknown, or fewer than two labels occur.
    """
    table = read_table(path)
    for column in (text, label, *([group] if group else [])):
        if column not in table.column_names:
            raise DataError(
                f"{path}: no column '{column}'; it has {', '.join(table.column_names)}. "
                "Name the right ones in the configuration."
            )
    if not table.num_rows:
        raise DataError(f"{path}: it has no rows.")
    texts = [str(value or "") for value in table[text].to_pylist()]
    codes = _label_codes(path, table[label].to_pylist(), labels)
    if len(set(codes)) < 2:
        raise DataError(f"{path}: every row has the same label; a classifier needs two or more.")
    groups = [str(value) for value in table[group].to_pylist()] if group else []
    return LabelledTexts(texts, codes, groups)


def read_texts(path: Path, text: str = "text") -> list[str]:
    """Read unlabelled texts."""
    table = read_table(path)
    if text not in table.column_names:
        raise DataError(f"{path}: no column '{text}'; it has {', '.join(table.column_names)}.")
    return [str(value or "") for value in table[text].to_pylist()]


def read_table(path: Path) -> pa.Table:
    """Read any supported source as a table. Raises DataError where that fails."""
    if path.is_dir():
        return _read_class_folders(path)
    if not path.exists():
        return _read_hub(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: give a {', '.join(READERS)} file or a folder of class folders.")
    try:
        return reader(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _read_class_folders(path: Path) -> pa.Table:
    """Read one folder per class and one text file per row, as in `aclImdb/train`."""
    names = [name for name in ("neg", "pos") if (path / name).is_dir()] or sorted(
        child.name for child in path.iterdir() if child.is_dir()
    )
    rows = [
        {"text": _read_text(file), "label": {"neg": 0, "pos": 1}.get(name, name)}
        for name in names
        for file in sorted((path / name).glob("*.txt"))
    ]
    if not rows:
        raise DataError(f"{path}: no folders of .txt files, one folder a class, in it.")
    return pa.Table.from_pylist(rows)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8: {error.reason} at byte {error.start}.") from error


def _read_hub(path: Path) -> pa.Table:
    """Read a data set by its hub name, with an optional split: `stanfordnlp/imdb:train`."""
    name, _, split = path.as_posix().partition(":")
    try:
        import datasets
    except ModuleNotFoundError:
        raise DataError(
            f"{path}: no such file. To load a data set of that name: pip install datasets"
        ) from None
    try:
        return datasets.load_dataset(name, split=split or "train").data.table
    except Exception as error:  # the library has no common base for its errors
        raise DataError(f"{path}: no such file, and as a data set name: {error}") from error


def _label_codes(path: Path, values: Sequence[object], labels: Sequence[str]) -> list[int]:
    codes = {name: code for code, name in enumerate(labels)}
    codes |= {str(code): code for code in range(len(labels))}
    try:
        return [codes[str(value)] for value in values]
    except KeyError as error:
        raise DataError(
            f"{path}: label {error.args[0]!r} is none of {', '.join(labels)} or their codes."
        ) from None
