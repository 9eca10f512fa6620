"""A golden set for models that classify texts: one label a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.common.errors import DataError
from scripts.data.labelled_texts import LabelledTexts, read_labelled
from scripts.evaluate.evaluation import evaluate
from scripts.evaluate.metrics import Codes
from scripts.lifecycle.gate.golden_set import GoldenSet
from scripts.lifecycle.gate.label_answers import LabelAnswers


@dataclass(frozen=True)
class LabelledGoldenSet(GoldenSet[str]):
    """Texts and the name of each one's true label, of two labels or more; see `GoldenSet`."""

    task: ClassVar[Task] = "text-classification"
    key: ClassVar[str] = "label"
    form: ClassVar[str] = 'a "label", a string'

    @property
    def used_labels(self) -> set[str]:
        return set(self.truth)

    def check(self) -> None:
        if len(self.used_labels) < 2:
            raise DataError("golden set: it needs rows of two labels or more")

    def codes(self, labels: Sequence[str]) -> Codes:
        """(rows,) of positions in `labels`. Raises DataError at one that is not there."""
        positions = {label: code for code, label in enumerate(labels)}
        try:
            return np.array([positions[label] for label in self.truth], dtype=np.int64)
        except KeyError as error:
            raise DataError(
                f"golden set: the label '{error.args[0]}' is none of {', '.join(labels)}"
            ) from None

    def answers(self, predictor: Predictor, title: str) -> LabelAnswers:
        """See `GoldenSet`. Raises DataError where a label is none of the model's."""
        # The evaluation answers short texts first. With row numbers for labels, what it calls the
        # truth says which row each answer belongs to.
        rows = LabelledTexts(list(self.texts), list(range(len(self))), [])
        found = evaluate(predictor, rows, title=title)
        probabilities = np.empty_like(found.probabilities)
        probabilities[found.truth] = found.probabilities
        return LabelAnswers(predictor.labels, probabilities, self.codes(predictor.labels))

    @staticmethod
    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no string")
        return value

    @staticmethod
    def written(truth: str) -> str:
        return truth

    @staticmethod
    def read(path: Path, labels: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """CSV, Parquet, JSON lines or class folders; a label may be a name or its position."""
        rows = read_labelled(path, labels)
        return rows.texts, [labels[code] for code in rows.labels]
