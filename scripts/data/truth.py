"""Texts with their truth, and the form of a truth: one for each head of a model.

A head's form says how data files hold the truth, how golden sets write it, and what it must be to
judge a model.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from function.core.heads import AnswerKey, Task
from function.core.tokenization import Text, TextPair
from scripts.data.rows import TEXT_PAIR, read_cells
from scripts.data.tables import open_table

Truth = TypeVar("Truth")


@dataclass(frozen=True)
class TextRows(Generic[Truth]):
    """Texts, or pairs of texts, and the truth of each; `groups` is empty where there are none."""

    texts: Sequence[Text]
    truth: Sequence[Truth]
    groups: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "TextRows[Truth]":
        return TextRows(
            [self.texts[row] for row in rows],
            [self.truth[row] for row in rows],
            [self.groups[row] for row in rows] if self.groups else (),
        )


class TruthForm(ABC, Generic[Truth]):
    """The form of one head's truth.

    Attributes:
        task: That of the models which the truth judges.
        key: The truth's name in a line, and the models' `answer_key`.
        description: A line's truth in words, for those who write one.
        none: The stratum of rows without labels.
        columns: Of a truth that is several members of a line.
        options: Keywords that `read` takes beyond `encoding`.
    """

    task: ClassVar[Task] = "text-classification"
    key: ClassVar[AnswerKey]
    description: ClassVar[str]
    none: ClassVar[str] = ""
    columns: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[frozenset[str]] = frozenset({"text", "text_pair", "label"})

    def read(
        self,
        path: Path,
        labels: Sequence[str],
        *,
        pairs: bool = False,
        text_pair: str = TEXT_PAIR,
        **how: Any,
    ) -> TextRows[Truth]:
        """Read a data file, of `pairs` with the column of the second texts; `how` are options.

        Raises DataError.
        """
        rows = self.read_singles(path, labels, **how)
        if not pairs:
            return rows
        others, _ = read_cells(open_table(path, how.get("encoding")), text_pair)
        return replace(rows, texts=list(map(TextPair, map(str, rows.texts), others)))

    @abstractmethod
    def read_singles(self, path: Path, labels: Sequence[str], **how: Any) -> TextRows[Truth]:
        """Read a data file of single texts. Raises DataError."""

    @abstractmethod
    def parse(self, value: Any) -> Truth:
        """Return the truth of a line. Raises ValueError where it has another form."""

    def written(self, truth: Truth) -> Any:
        """Return the JSON value that `parse` reads."""
        return truth

    def labels_of(self, truth: Truth) -> Sequence[str]:  # noqa: ARG002
        """Return the labels that occur in a truth."""
        return ()

    def stratum(self, truth: Truth) -> str:
        """Return the group of rows that a sample takes this one's share of."""
        return " and ".join(sorted(set(self.labels_of(truth)))) or self.none

    @abstractmethod
    def problem(self, rows: TextRows[Truth]) -> str:
        """Return why rows cannot judge a model; empty where they can."""
