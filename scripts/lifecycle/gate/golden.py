"""The frozen texts that a model's versions are held against."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.lifecycle.errors import DataError
from scripts.training.metrics import Codes
from scripts.training.sources import read_labelled

KEYS = {"text", "label"}


@dataclass(frozen=True)
class GoldenSet:
    """Texts and the name of each one's true label, in an order that never changes.

    Raises DataError where a text is empty, occurs twice, or cannot be written as UTF-8, and where
    there are fewer than two labels.
    """

    texts: Sequence[str]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        words = [" ".join(text.split()) for text in self.texts]
        first = {text: row for row, text in reversed(list(enumerate(words)))}
        _refuse("has no text", [row for row, text in enumerate(words) if not text])
        _refuse("repeats an earlier text", [r for r, text in enumerate(words) if first[text] != r])
        _refuse(
            "has half a character, which is no Unicode",
            [
                row
                for row, pair in enumerate(zip(self.texts, self.labels, strict=True))
                if not all(map(_is_unicode, pair))
            ],
        )
        if len(set(self.labels)) < 2:
            raise DataError("golden set: it needs rows of two labels or more")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, 64 hex digits: what the set is known by."""
        return hashlib.sha256(self.content()).hexdigest()

    def content(self) -> bytes:
        """The canonical form: one JSON object a line, keys sorted, UTF-8, each line ended."""
        rows = zip(self.texts, self.labels, strict=True)
        lines = (
            json.dumps({"text": text, "label": label}, ensure_ascii=False, sort_keys=True) + "\n"
            for text, label in rows
        )
        return "".join(lines).encode()

    def codes(self, labels: Sequence[str]) -> Codes:
        """(rows,) of positions in `labels`. Raises DataError at one that is not there."""
        positions = {label: code for code, label in enumerate(labels)}
        try:
            return np.array([positions[label] for label in self.labels], dtype=np.int64)
        except KeyError as error:
            raise DataError(
                f"golden set: the label '{error.args[0]}' is none of {', '.join(labels)}"
            ) from None


def parse_golden(content: bytes) -> GoldenSet:
    """Read JSON lines of `text` and `label`, canonical or not. Raises DataError."""
    texts, labels = [], []
    # Not splitlines: inside a text, U+2028 ends no line of the file.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"golden set, line {number}: not JSON: {error}") from error
        if (
            not isinstance(row, dict)
            or row.keys() != KEYS
            or not all(isinstance(value, str) for value in row.values())
        ):
            raise DataError(f"golden set, line {number}: give a text and a label, both strings")
        texts.append(row["text"])
        labels.append(row["label"])
    return GoldenSet(texts, labels)


def read_golden(path: Path, labels: Sequence[str]) -> GoldenSet:
    """Read a labelled file (CSV, Parquet, JSON lines, class folders) of a model with these labels.

    A label in the file may be a name or its position. Raises DataError.
    """
    rows = read_labelled(path, labels)
    try:
        return GoldenSet(rows.texts, [labels[code] for code in rows.labels])
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _refuse(problem: str, rows: Sequence[int]) -> None:
    if rows:
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        raise DataError(f"golden set: row {rows[0] + 1} {problem}{others}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
