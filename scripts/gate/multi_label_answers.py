"""Answers on a golden set of a model that gives texts several labels, and the F1 they must keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from function.core.decoding import Probabilities
from function.core.predictor import Predictor
from function.core.tokenization import Text
from scripts.data.multi_labelled import MultiLabelledTexts
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.multi_label import (
    Chosen,
    MultiLabelEvaluation,
    evaluate_multi_label,
    multi_label_figures,
)
from scripts.evaluate.paired import Right
from scripts.gate.f1 import F1Counts, judge_f1
from scripts.gate.judgement import RequirementResult
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.settings import GateSettings

NONE = "no label"


@dataclass(frozen=True)
class MultiLabelAnswers:
    """See `GoldenAnswers`. A text is answered rightly where exactly its labels were given."""

    measure: ClassVar[str] = "share of exact texts"

    labels: Sequence[str]
    evaluation: MultiLabelEvaluation

    @property
    def right(self) -> Right:
        return self.evaluation.exact

    @cached_property
    def figures(self) -> Mapping[str, float]:
        """Figures as a manifest records them, and the interval of the share of exact texts."""
        low, high = wilson_interval(int(self.right.sum()), len(self.right))
        interval = {"exact_texts_low": round(low, 5), "exact_texts_high": round(high, 5)}
        return multi_label_figures(self.evaluation, self.labels) | interval

    @property
    def scored(self) -> int:
        return self.evaluation.probabilities.size

    @property
    def support(self) -> Probabilities:
        """(texts,) mean probability of the right decision on each label."""
        sure = self.evaluation.probabilities
        return np.asarray(np.where(self.evaluation.truth, sure, 1 - sure).mean(axis=1))

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the texts that have each label, and those that have none.

        The first are right where that label was given, the others where none was.
        """
        truth, chosen = self.evaluation.truth, self.evaluation.chosen
        used = sorted((name, code) for code, name in enumerate(self.labels) if truth[:, code].any())
        slices = {
            f"label {name}": SliceAnswers(truth[:, code], chosen[:, code]) for name, code in used
        }
        return slices | {NONE: SliceAnswers(np.asarray(~truth.any(axis=1)), self.right)}

    def show(self, row: int) -> ShownAnswer:
        found = self.evaluation
        best = float(found.probabilities[row].max())
        return ShownAnswer(
            self._in_words(found.truth[row]), self._in_words(found.chosen[row]), best
        )

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:
        """Judge F1 of labels."""
        return [judge_f1("labels", self._counts, champion._counts if champion else None, settings)]

    @property
    def _counts(self) -> F1Counts:
        truth, chosen = self.evaluation.truth, self.evaluation.chosen
        return F1Counts(truth.sum(axis=1), chosen.sum(axis=1), (truth & chosen).sum(axis=1))

    def _in_words(self, given: Chosen) -> str:
        pairs = zip(self.labels, given.tolist(), strict=True)
        return ", ".join(label for label, has in pairs if has) or NONE


def answer_multi_label(
    predictor: Predictor, texts: Sequence[Text], truth: Sequence[Sequence[str]], title: str
) -> MultiLabelAnswers:
    """Have a model give labels to every text; `title` is that of the progress."""
    rows = MultiLabelledTexts(list(texts), [list(names) for names in truth])
    return MultiLabelAnswers(predictor.labels, evaluate_multi_label(predictor, rows, title=title))
