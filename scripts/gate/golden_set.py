"""The frozen texts that a model's versions are held against, whatever its task."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.common.errors import DataError
from scripts.gate.answers import Answers

Truth = TypeVar("Truth")


@dataclass(frozen=True)
class GoldenSet(ABC, Generic[Truth]):
    """Texts and what is true of each, in an order that never changes.

    task: of the models that it judges. key: what the truth is called in a line. form: what a
    line holds beside `text`, for those who write one.

    Raises DataError where a text is empty, occurs twice, or cannot be written as UTF-8, and where
    the truth cannot judge anything.
    """

    task: ClassVar[Task]
    key: ClassVar[str]
    form: ClassVar[str]

    texts: Sequence[str]
    truth: Sequence[Truth]

    def __post_init__(self) -> None:
        words = [" ".join(text.split()) for text in self.texts]
        first = {text: row for row, text in reversed(list(enumerate(words)))}
        _refuse("has no text", [row for row, text in enumerate(words) if not text])
        _refuse("repeats an earlier text", [r for r, text in enumerate(words) if first[text] != r])
        lines = enumerate(self._lines())
        _refuse(
            "has half a character, which is no Unicode",
            [row for row, line in lines if not _is_unicode(line)],
        )
        self.check()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, 64 hex digits: what the set is known by."""
        return hashlib.sha256(self.content()).hexdigest()

    def content(self) -> bytes:
        """The canonical form: one JSON object a line, keys sorted, UTF-8, each line ended."""
        return "".join(self._lines()).encode()

    @property
    @abstractmethod
    def used_labels(self) -> set[str]:
        """The labels that occur in the truth."""

    @abstractmethod
    def check(self) -> None:
        """Raises DataError where the truth cannot judge anything."""

    @abstractmethod
    def answers(self, predictor: Predictor, title: str) -> Answers:
        """Ask a model of this task for every text. title: of the progress that is shown.

        Raises PredictionError, InputError.
        """

    @staticmethod
    @abstractmethod
    def parse(value: Any) -> Truth:
        """The truth of a line. Raises ValueError where it has another form."""

    @staticmethod
    @abstractmethod
    def written(truth: Truth) -> Any:
        """What `parse` reads, as JSON has it."""

    @staticmethod
    @abstractmethod
    def read(path: Path, labels: Sequence[str]) -> tuple[Sequence[str], Sequence[Truth]]:
        """Texts and truth from a file of the task's data, of these labels. Raises DataError."""

    def _lines(self) -> Iterator[str]:
        for text, truth in zip(self.texts, self.truth, strict=True):
            row = {"text": text, self.key: self.written(truth)}
            yield json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


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
