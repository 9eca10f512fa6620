"""What a data report looks at: sources as they lie there, and the parts training makes of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HTML_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
TOKEN_LIMITS = (128, 256, 512)
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Texts of one data set under one name, with what was counted in each of them.

    labels, groups, ratings: empty where the source has none.
    normalised: each text without regard to case, white space and HTML breaks.
    words: between white space. tokens: those of the base checkpoint, special tokens included.
    """

    dataset: str
    part: str
    texts: list[str]
    labels: list[int]
    groups: list[str]
    ratings: list[int]
    normalised: list[str]
    words: Counts
    tokens: Counts

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def name(self) -> str:
        """What the report calls these rows."""
        return f"{self.dataset} {self.part}"

    def select(self, part: str, rows: Sequence[int]) -> "Rows":
        """The given row numbers as a part of their own."""
        chosen = np.array(rows, dtype=np.int64)
        return Rows(
            self.dataset,
            part,
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows] if self.labels else [],
            [self.groups[row] for row in rows] if self.groups else [],
            [self.ratings[row] for row in rows] if self.ratings else [],
            [self.normalised[row] for row in rows],
            self.words[chosen],
            self.tokens[chosen],
        )


@dataclass(frozen=True)
class Survey:
    """Sources whole, the same rows in the parts that they are used in, and sources' SHA-256."""

    sources: list[Rows]
    parts: list[Rows]
    digests: dict[str, str]
