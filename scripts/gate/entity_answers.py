"""Answers on a golden set of a model that finds entities, and the F1 that they must keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from function.core.predictor import Predictor
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts
from scripts.evaluate.entity_evaluation import EntityEvaluation, evaluate_entities
from scripts.evaluate.entity_metrics import entity_figures
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right
from scripts.gate.f1 import F1Counts, judge_f1
from scripts.gate.judgement import RequirementResult
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.settings import GateSettings

NONE = "no entity"


@dataclass(frozen=True)
class EntityAnswers:
    """See `GoldenAnswers`.

    A text is answered rightly where exactly its entities were found, each with its label and both
    its edges.
    """

    measure: ClassVar[str] = "share of exact texts"

    labels: Sequence[str]
    evaluation: EntityEvaluation

    @property
    def right(self) -> Right:
        return self._exact(self.labels)

    @cached_property
    def figures(self) -> Mapping[str, float]:
        """Figures as a manifest records them, and the share of exact texts with its interval."""
        right = self.right
        low, high = wilson_interval(int(right.sum()), len(right))
        exact = {
            "exact_texts": float(right.mean()),
            "exact_texts_low": low,
            "exact_texts_high": high,
        }
        return {
            **{name: round(value, 5) for name, value in exact.items()},
            **entity_figures(self.evaluation, self.labels),
        }

    @property
    def scored(self) -> int:
        return int(self.counts.found.sum())

    @property
    def support(self) -> npt.NDArray[np.float64]:
        """(texts,) overlap of what is true and what was found (Dice 1945).

        What was found counts by its score. The overlap is 1 where there is neither.
        """
        shares = []
        for true, found in self._pairs():
            right = sum(score for span, score in found.items() if span in true)
            total = len(true) + sum(found.values())
            shares.append(2 * right / total if total else 1.0)
        return np.array(shares)

    @cached_property
    def counts(self) -> F1Counts:
        """Counts of each text."""
        pairs = [(set(true), set(found)) for true, found in self._pairs()]
        return F1Counts(
            np.array([len(true) for true, _ in pairs]),
            np.array([len(found) for _, found in pairs]),
            np.array([len(true & found) for true, found in pairs]),
        )

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the texts that have entities of each label, and those that have none.

        The first are right where exactly the entities of that label were found, the others where
        none was found.
        """
        used = {span.label for true in self.evaluation.truth for span in true}
        slices = {
            f"label {label}": SliceAnswers(self._having(label), self._exact([label]))
            for label in sorted(used)
        }
        return slices | {NONE: SliceAnswers(self.counts.true == 0, self.right)}

    def show(self, row: int) -> ShownAnswer:
        text, found = self.evaluation.texts[row], self.evaluation.found[row]
        return ShownAnswer(
            _in_words(text, self.evaluation.truth[row]),
            _in_words(text, found.spans),
            float(np.mean(found.scores)) if found.scores else None,
        )

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:
        """Judge F1 of whole entities."""
        return [
            judge_f1("whole entities", self.counts, champion.counts if champion else None, settings)
        ]

    def _pairs(self) -> Iterable[tuple[list[Span], dict[Span, float]]]:
        """Yield each text's entities, and those that were found with their scores."""
        for true, found in zip(self.evaluation.truth, self.evaluation.found, strict=True):
            yield true, dict(zip(found.spans, found.scores, strict=True))

    def _having(self, label: str) -> Right:
        return np.array([any(s.label == label for s in true) for true in self.evaluation.truth])

    def _exact(self, labels: Sequence[str]) -> Right:
        """Return (texts,) whether exactly the entities of these labels were found."""
        return np.array(
            [
                {s for s in true if s.label in labels} == {s for s in found if s.label in labels}
                for true, found in self._pairs()
            ]
        )


def answer_entities(
    predictor: Predictor, texts: Sequence[str], truth: Sequence[Sequence[Span]], title: str
) -> EntityAnswers:
    """Have a model find the entities of every text; `title` is that of the progress."""
    rows = TaggedTexts(list(texts), [list(spans) for spans in truth], [""] * len(texts))
    return EntityAnswers(predictor.labels, evaluate_entities(predictor, rows, title=title))


def _in_words(text: str, spans: Sequence[Span]) -> str:
    return ", ".join(f"{text[s.start : s.end]} ({s.label})" for s in spans) or NONE
