"""Answers of a model that classifies texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from function.core.decoding import Probabilities
from scripts.common.errors import DataError
from scripts.data.truth import TextRows
from scripts.evaluate.answers import Answers, Predictions, ShownAnswer, SliceAnswers
from scripts.evaluate.evaluation import Codes, label_scores
from scripts.evaluate.metrics import figures
from scripts.evaluate.paired import Right


@dataclass(frozen=True)
class LabelAnswers(Answers[str]):
    """See `Answers`.

    An answer is right where the true label has the highest probability; that probability is its
    support of the truth.
    """

    key = "label"
    measure = "accuracy"

    labels: Sequence[str]
    probabilities: Probabilities
    truth: Codes  # (rows,) of positions in `labels`

    @classmethod
    def compare(cls, predictions: Predictions, rows: TextRows[str], labels: Sequence[str]) -> Self:
        """See `Answers`. Raises DataError for a label that is none of the model's."""
        return cls(labels, label_scores(predictions, labels), label_codes(rows.truth, labels))

    @property
    def right(self) -> Right:
        return np.asarray(self.probabilities.argmax(1) == self.truth)

    @cached_property
    def figures(self) -> dict[str, float]:
        return figures(self.probabilities, self.truth)

    @property
    def scored(self) -> int:
        return len(self.truth)

    @property
    def support(self) -> Probabilities:
        return self.probabilities[np.arange(len(self.truth)), self.truth]

    def slices(self) -> dict[str, SliceAnswers]:
        """Return each label's texts."""
        codes = {self.labels[code]: code for code in np.unique(self.truth)}
        return {
            f"label {name}": SliceAnswers(self.truth == codes[name], self.right)
            for name in sorted(codes)
        }

    def show(self, row: int) -> ShownAnswer:
        best = int(self.probabilities[row].argmax())
        score = float(self.probabilities[row, best])
        return ShownAnswer(self.labels[self.truth[row]], self.labels[best], score)


def label_codes(names: Sequence[str], labels: Sequence[str]) -> Codes:
    """Return (names,) positions in `labels`. Raises DataError for a label that is not there."""
    positions = {label: code for code, label in enumerate(labels)}
    try:
        return np.array([positions[name] for name in names], dtype=np.int64)
    except KeyError as error:
        raise DataError(
            f"the truth has the label '{error.args[0]}', which is none of {', '.join(labels)}"
        ) from None
