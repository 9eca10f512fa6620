"""Texts, each with one that is closer to it than another one, from a table of any format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import is_unicode, read_cells
from scripts.data.tables import open_table


class Others(NamedTuple):
    """The two texts that one is compared with."""

    positive: str
    negative: str


@dataclass(frozen=True)
class Triplets:
    """Rows of one data set."""

    texts: list[str]
    others: list[Others]

    def __len__(self) -> int:
        return len(self.texts)


def read_triplets(path: Path, *, text: str = "text", encoding: str | None = None) -> Triplets:
    """Read texts with their columns `positive` and `negative`.

    Raises DataError where one of them is missing, or both are the same.
    """
    texts, columns = read_cells(open_table(path, encoding), text, Others._fields)
    others = []
    for number, pair in enumerate(zip(*columns, strict=True), start=1):
        try:
            others.append(parse_others(*pair))
        except ValueError as error:
            raise DataError(f"{path}, row {number}: positive and negative: {error}") from None
    log(f"{path}: {len(texts):,} rows")
    return Triplets(texts, others)


def parse_others(positive: Any, negative: Any) -> Others:
    """Return the other texts of one text. Raises ValueError unless they are texts that differ."""
    for value in (positive, negative):
        if not isinstance(value, str) or not value.strip() or not is_unicode(value):
            raise ValueError(f"{value!r} is no text")
    if positive == negative:
        raise ValueError(f"both are {positive!r}")
    return Others(positive, negative)
