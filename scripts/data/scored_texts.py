"""Texts with a number each, from a table of any format."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.rows import read_cells
from scripts.data.tables import open_table
from scripts.data.truth import TextRows, TruthForm


class ScoreForm(TruthForm[float]):
    """The number of a text, by which texts are ranked."""

    key = "score"
    description = 'a "score", a number'
    none = "scores"

    def read_singles(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows[float]:  # noqa: ARG002
        """See `read_scored`."""
        return read_scored(path, **how)

    def parse(self, value: Any) -> float:
        return parse_score(value)

    def problem(self, rows: TextRows[float]) -> str:
        return "it needs rows of two scores or more" if len(set(rows.truth)) < 2 else ""


def read_scored(
    path: Path, *, text: str = "text", label: str = "score", encoding: str | None = None
) -> TextRows[float]:
    """Read texts with their numbers; `label` is the numbers' column, see `read_labelled`.

    Raises DataError where a text or a number is missing, or there are fewer than two numbers.
    """
    texts, (cells,) = read_cells(open_table(path, encoding), text, [label])
    scores = []
    for number, cell in enumerate(cells, start=1):
        try:
            scores.append(parse_score(float(cell)))
        except ValueError:
            raise DataError(f"{path}, row {number}: '{cell}' in {label} is no number") from None
    if len(set(scores)) < 2:
        raise DataError(f"{path}: every row has the same number, so that nothing can be ranked.")
    log(f"{path}: {len(texts):,} rows; numbers from {min(scores):g} to {max(scores):g}")
    return TextRows(texts, scores)


def parse_score(value: object) -> float:
    """Return the number of one text. Raises ValueError unless it is one, and finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a score is a number, not {value!r}")
    return float(value)
