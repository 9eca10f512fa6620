"""Texts, each with one that is closer to it than another one, from a table of any format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import is_unicode, read_cells
from scripts.data.tables import open_table
from scripts.data.truth import TextRows, TruthForm


class Others(NamedTuple):
    """The two texts that one is compared with."""

    positive: str
    negative: str


class TripletForm(TruthForm[Others]):
    """A text that is closer to a text than another one."""

    task = "feature-extraction"
    key = "embedding"
    description = 'a "positive" and a "negative", two other texts'
    none = "triplets"
    columns = Others._fields
    options = frozenset({"text"})

    def read_singles(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows[Others]:  # noqa: ARG002
        """See `read_triplets`."""
        return read_triplets(path, **how)

    def parse(self, value: Any) -> Others:
        return parse_others(**value)

    def written(self, truth: Others) -> dict[str, str]:
        return truth._asdict()

    def problem(self, rows: TextRows[Others]) -> str:  # noqa: ARG002
        """Return none: each row judges by itself."""
        return ""


def read_triplets(
    path: Path, *, text: str = "text", encoding: str | None = None
) -> TextRows[Others]:
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
    return TextRows(texts, others)


def parse_others(positive: Any, negative: Any) -> Others:
    """Return the other texts of one text. Raises ValueError unless they are texts that differ."""
    for value in (positive, negative):
        if not isinstance(value, str) or not value.strip() or not is_unicode(value):
            raise ValueError(f"{value!r} is no text")
    if positive == negative:
        raise ValueError(f"both are {positive!r}")
    return Others(positive, negative)
