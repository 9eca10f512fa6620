"""Answers on a golden set of a model that classifies texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from function.core.decoding import Probabilities
from function.core.predictor import Predictor
from function.core.tokenization import Text
from scripts.data.labelled_texts import LabelledInputs
from scripts.evaluate.evaluation import Codes, evaluate
from scripts.evaluate.metrics import figures
from scripts.evaluate.paired import Right
from scripts.gate.judgement import RequirementResult
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.settings import GateSettings


@dataclass(frozen=True)
class LabelAnswers:
    """See `GoldenAnswers`.

    An answer is right where the true label has the highest probability; that probability is its
    support of the truth.
    """

    measure: ClassVar[str] = "accuracy"

    labels: Sequence[str]
    probabilities: Probabilities
    truth: Codes  # (rows,) of positions in `labels`

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

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:  # noqa: ARG002
        """Require nothing more: a label is right or wrong, and `right` shows it."""
        return []


def answer_labels(
    predictor: Predictor, texts: Sequence[Text], truth: Codes, title: str
) -> LabelAnswers:
    """Have a classifier answer every text; `title` is that of the progress."""
    # The evaluation answers short texts first. With row numbers for labels, its truth says which
    # row each answer belongs to.
    rows = LabelledInputs(texts, range(len(texts)))
    found = evaluate(predictor, rows, title=title)
    probabilities = np.empty_like(found.probabilities)
    probabilities[found.truth] = found.probabilities
    return LabelAnswers(predictor.labels, probabilities, truth)
