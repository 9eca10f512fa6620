"""Answers of a model compared with the truth, in one shape for all heads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self

import numpy as np
import numpy.typing as npt

from function.core.heads import AnswerKey
from function.core.tokenization import Text
from scripts.data.truth import TextRows, Truth
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right

Predictions = Sequence[dict[str, Any]]  # as the HTTP API writes them


@dataclass(frozen=True)
class SliceAnswers:
    """Some of the rows, and whether each is right in what the slice is about.

    Both arrays are (rows,) of the whole set.
    """

    rows: npt.NDArray[np.bool_]
    right: Right


@dataclass(frozen=True)
class ShownAnswer:
    """One row in words; an answer may have no score."""

    truth: str
    answer: str
    score: float | None


class Answers(ABC, Generic[Truth]):
    """Answers of one head, in the order of the rows.

    Attributes:
        key: `answer_key` of the head's models.
        measure: Name of the share of right answers.
        batch: Texts that are answered together.
    """

    key: ClassVar[AnswerKey]
    measure: ClassVar[str]
    batch: ClassVar[int] = 32

    @classmethod
    def texts_of(cls, rows: TextRows[Truth]) -> Sequence[Text]:
        """Return the texts to predict."""
        return rows.texts

    @classmethod
    @abstractmethod
    def compare(
        cls, predictions: Predictions, rows: TextRows[Truth], labels: Sequence[str]
    ) -> Self:
        """Compare the predictions of `texts_of` with the truth; `labels` are the model's."""

    @property
    @abstractmethod
    def right(self) -> Right:
        """(rows,) whether each text was answered rightly."""

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """(rows,) those whose `right` hangs on no other of them: shares are of these."""
        return np.ones(len(self.right), dtype=np.bool_)

    @property
    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Figures as a manifest records them of one data set."""

    @property
    def judged_figures(self) -> dict[str, float]:
        """Figures as the gate reports them; `calibration_error` is one where answers are scored."""
        return self.figures

    @property
    def scored(self) -> int:
        """Number of answers with a probability, on which the calibration error is measured."""
        return 0

    @property
    @abstractmethod
    def support(self) -> npt.NDArray[np.float64]:
        """(rows,) how much each answer supports the truth, in [0, 1]."""

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the slices that this head knows, by name."""
        return {}

    @abstractmethod
    def show(self, row: int) -> ShownAnswer:
        """Return one row for people to read."""


class ExactAnswers(Answers[Truth]):
    """Answers of several labels or entities: right where exactly the true ones were given."""

    measure = "share of exact texts"

    @property
    def judged_figures(self) -> dict[str, float]:
        """See `Answers`: with the share of exact texts and its interval."""
        low, high = wilson_interval(int(self.right.sum()), len(self.right))
        exact = {
            "exact_texts": float(self.right.mean()),
            "exact_texts_low": low,
            "exact_texts_high": high,
        }
        return {name: round(value, 5) for name, value in exact.items()} | self.figures
