"""Answers on a golden set of a model that embeds texts: triplets ranked right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from function.core.predictor import Predictor
from scripts.data.triplets import Others, Triplets
from scripts.evaluate.paired import Right
from scripts.evaluate.triplets import (
    Similarities,
    TripletEvaluation,
    evaluate_triplets,
    triplet_figures,
)
from scripts.gate.judgement import RequirementResult
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.settings import GateSettings


@dataclass(frozen=True)
class TripletAnswers:
    """See `GoldenAnswers`. A row is answered rightly where its positive text is the closer one."""

    measure: ClassVar[str] = "share of triplets ranked right"
    scored: ClassVar[int] = 0  # similarities are no probabilities: there is no calibration

    others: Sequence[Others]
    evaluation: TripletEvaluation

    @property
    def right(self) -> Right:
        return self.evaluation.right

    @cached_property
    def figures(self) -> Mapping[str, float]:
        return triplet_figures(self.evaluation)

    @property
    def support(self) -> Similarities:
        """(rows,) by how much the positive text is closer, in [0, 1]; 0.5 where none is."""
        return (self.evaluation.positive - self.evaluation.negative + 2) / 4

    def slices(self) -> dict[str, SliceAnswers]:
        """Return none: there are no labels."""
        return {}

    def show(self, row: int) -> ShownAnswer:
        others = self.others[row]
        closer = others.positive if self.right[row] else others.negative
        best = max(self.evaluation.positive[row], self.evaluation.negative[row])
        return ShownAnswer(others.positive, closer, float(best))

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:  # noqa: ARG002
        """Return none: the share of right rows is all that is judged."""
        return []


def answer_triplets(
    predictor: Predictor, texts: Sequence[str], others: Sequence[Others], title: str
) -> TripletAnswers:
    """Have a model embed every text; `title` is that of the progress."""
    rows = Triplets(list(texts), list(others))
    return TripletAnswers(others, evaluate_triplets(predictor, rows, title=title))
