"""Answers of a model that gives a text several labels, or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from function.core.decoding import Probabilities
from scripts.data.truth import TextRows
from scripts.evaluate.answers import ExactAnswers, Predictions, ShownAnswer, SliceAnswers
from scripts.evaluate.evaluation import label_scores
from scripts.evaluate.f1 import F1Counts
from scripts.evaluate.metrics import LEAST, calibration_error
from scripts.evaluate.paired import Right

Chosen = npt.NDArray[np.bool_]
NONE = "no label"


@dataclass(frozen=True)
class MultiLabelAnswers(ExactAnswers[list[str]]):
    """See `Answers`. Arrays are (texts, labels)."""

    key = "labels"

    labels: Sequence[str]
    probabilities: Probabilities
    chosen: Chosen  # labels that were given
    truth: Chosen

    @classmethod
    def compare(
        cls, predictions: Predictions, rows: TextRows[list[str]], labels: Sequence[str]
    ) -> Self:
        def has(given: Sequence[Sequence[str]]) -> Chosen:
            return np.array([[label in names for label in labels] for names in given], dtype=bool)

        chosen = has([each["labels"] for each in predictions])
        return cls(labels, label_scores(predictions, labels), chosen, has(rows.truth))

    @property
    def right(self) -> Right:
        return np.asarray((self.chosen == self.truth).all(axis=1))

    @cached_property
    def figures(self) -> dict[str, float]:
        """See `Answers`.

        Precision, recall and F1 are of all labels together (micro); calibration and log loss are of
        the decision on each label of each text.
        """
        truth, chosen = self.truth.astype(np.int64), self.chosen.astype(np.int64)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, chosen, average="micro", zero_division=0
        )
        by_label = metrics.f1_score(truth, chosen, average=None, zero_division=0)
        sure, right = self.probabilities.ravel(), self.truth.ravel()
        likelihood = np.clip(np.where(right, sure, 1 - sure), LEAST, None)
        figures = {
            "texts": len(truth),
            "exact_texts": self.right.mean(),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "macro_f1": by_label.mean(),
            **{f"f1_{label}": by_label[code] for code, label in enumerate(self.labels)},
            "calibration_error": calibration_error(
                np.stack([1 - sure, sure], axis=1), right.astype(np.int64)
            ),
            "log_loss": -np.log(likelihood).mean(),
        }
        return {name: round(float(value), 5) for name, value in figures.items()}

    @property
    def scored(self) -> int:
        return self.probabilities.size

    @property
    def support(self) -> Probabilities:
        """(texts,) mean probability of the right decision on each label."""
        sure = self.probabilities
        return np.asarray(np.where(self.truth, sure, 1 - sure).mean(axis=1))

    @property
    def counts(self) -> F1Counts:
        """Counts of each text's labels."""
        right = self.truth & self.chosen
        return F1Counts(self.truth.sum(axis=1), self.chosen.sum(axis=1), right.sum(axis=1))

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the texts that have each label, and those that have none.

        The first are right where that label was given, the others where none was.
        """
        truth, chosen = self.truth, self.chosen
        used = sorted((name, code) for code, name in enumerate(self.labels) if truth[:, code].any())
        slices = {
            f"label {name}": SliceAnswers(truth[:, code], chosen[:, code]) for name, code in used
        }
        return slices | {NONE: SliceAnswers(np.asarray(~truth.any(axis=1)), self.right)}

    def show(self, row: int) -> ShownAnswer:
        best = float(self.probabilities[row].max())
        return ShownAnswer(self._in_words(self.truth[row]), self._in_words(self.chosen[row]), best)

    def _in_words(self, given: Chosen) -> str:
        pairs = zip(self.labels, given.tolist(), strict=True)
        return ", ".join(label for label, has in pairs if has) or NONE
