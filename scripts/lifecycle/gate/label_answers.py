"""What a model that classifies texts answered on a golden set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from scripts.evaluate.metrics import Codes, Probabilities, figures
from scripts.evaluate.paired import Right
from scripts.lifecycle.gate.answers import Part, ShownAnswer
from scripts.lifecycle.gate.judgement import Finding
from scripts.lifecycle.gate.settings import GateSettings


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
