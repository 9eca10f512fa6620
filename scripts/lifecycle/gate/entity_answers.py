"""What a model that finds entities answered on a golden set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from scripts.data.tagged_texts import Span
from scripts.evaluate.entity_evaluation import EntityEvaluation, entity_figures
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right
from scripts.lifecycle.gate.answers import Part, ShownAnswer
from scripts.lifecycle.gate.f1 import EntityCounts, judge_f1
from scripts.lifecycle.gate.judgement import Finding
from scripts.lifecycle.gate.settings import GateSettings

NONE = "no entity"


@dataclass(frozen=True)
class EntityAnswers:
    """See `Answers`. A text is answered rightly where exactly its entities were found, each with
    its label and both its edges."""

    measure: ClassVar[str] = "share of exact texts"

    labels: Sequence[str]
    evaluation: EntityEvaluation

    @property
    def right(self) -> Right:
        return self._exact(self.labels)

    @cached_property
    def figures(self) -> Mapping[str, float]:
        """As a manifest records them, and the share of exact texts with its interval."""
        share, rows = float(self.right.mean()), len(self.right)
        low, high = wilson_interval(share, rows)
        exact = {"exact_texts": share, "exact_texts_low": low, "exact_texts_high": high}
        return {
            **{name: round(value, 5) for name, value in exact.items()},
            **entity_figures(self.evaluation, self.labels),
        }

    @property
    def scored(self) -> int:
        return int(self.counts.found.sum())

    @property
    def support(self) -> npt.NDArray[np.float64]:
        """The overlap of what is true and what was found (Dice 1945), where what was found counts
        by its score; 1 where there is neither."""
        shares = []
        for true, found in self._pairs():
            right = sum(score for span, score in found.items() if span in true)
            total = len(true) + sum(found.values())
            shares.append(2 * right / total if total else 1.0)
        return np.array(shares)

    @cached_property
    def counts(self) -> EntityCounts:
        """Of each text."""
        pairs = [(set(true), set(found)) for true, found in self._pairs()]
        return EntityCounts(
            np.array([len(true) for true, _ in pairs]),
            np.array([len(found) for _, found in pairs]),
            np.array([len(true & found) for true, found in pairs]),
        )

    def parts(self) -> dict[str, Part]:
        """The texts that have entities of a label, right where just those of that label were found;
        and the texts that have none, right where none was found."""
        used = {span.label for true in self.evaluation.truth for span in true}
        parts = {
            f"label {label}": Part(self._having(label), self._exact([label]))
            for label in sorted(used)
        }
        return parts | {NONE: Part(self.counts.true == 0, self.right)}

    def show(self, row: int) -> ShownAnswer:
        text, found = self.evaluation.texts[row], self.evaluation.found[row]
        return ShownAnswer(
            _in_words(text, self.evaluation.truth[row]),
            _in_words(text, found.spans),
            float(np.mean(found.scores)) if found.scores else None,
        )

    def judge(self, champion: Self | None, settings: GateSettings) -> list[Finding]:
        """F1 of whole entities."""
        return [judge_f1(self.counts, champion.counts if champion else None, settings)]

    def _pairs(self) -> Iterable[tuple[list[Span], dict[Span, float]]]:
        """Of each text its entities, and those that were found with their scores."""
        for true, found in zip(self.evaluation.truth, self.evaluation.found, strict=True):
            yield true, dict(zip(found.spans, found.scores, strict=True))

    def _having(self, label: str) -> Right:
        return np.array([any(s.label == label for s in true) for true in self.evaluation.truth])

    def _exact(self, labels: Sequence[str]) -> Right:
        """(rows,) whether exactly the entities of these labels were found."""
        return np.array(
            [
                {s for s in true if s.label in labels} == {s for s in found if s.label in labels}
                for true, found in self._pairs()
            ]
        )


def _in_words(text: str, spans: Sequence[Span]) -> str:
    return ", ".join(f"{text[s.start : s.end]} ({s.label})" for s in spans) or NONE
