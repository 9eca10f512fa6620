"""What a model that classifies texts answered on a golden set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.common.errors import DataError
from scripts.data.labelled_texts import LabelledTexts, read_labelled
from scripts.evaluate.evaluation import evaluate
from scripts.evaluate.metrics import Codes, Probabilities, figures
from scripts.evaluate.paired import Right
from scripts.gate.answers import Part, ShownAnswer
from scripts.gate.golden_set import GoldenSet
from scripts.gate.judgement import Finding
from scripts.gate.settings import GateSettings


@dataclass(frozen=True)
class LabelAnswers:
    """See `Answers`. probabilities: (rows, labels). truth: (rows,) of positions in `labels`.

    An answer is right where the true label has the highest probability; that probability is what
    it says for the truth.
    """

    measure: ClassVar[str] = "accuracy"

    labels: Sequence[str]
    probabilities: Probabilities
    truth: Codes

    @property
    def right(self) -> Right:
        return np.asarray(self.probabilities.argmax(1) == self.truth)

    @cached_property
    def figures(self) -> Mapping[str, float]:
        return figures(self.probabilities, self.truth)

    @property
    def scored(self) -> int:
        return len(self.truth)

    @property
    def support(self) -> Probabilities:
        return self.probabilities[np.arange(len(self.truth)), self.truth]

    def parts(self) -> dict[str, Part]:
        """Each label's texts."""
        names = {self.labels[code]: code for code in np.unique(self.truth)}
        return {
            f"label {name}": Part(self.truth == names[name], self.right) for name in sorted(names)
        }

    def show(self, row: int) -> ShownAnswer:
        best = int(self.probabilities[row].argmax())
        score = float(self.probabilities[row, best])
        return ShownAnswer(self.labels[self.truth[row]], self.labels[best], score)

    def judge(self, champion: Self | None, settings: GateSettings) -> list[Finding]:  # noqa: ARG002
        """Nothing: a label is right or wrong, and `right` tells all of that."""
        return []


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
