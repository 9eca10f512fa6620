"""What a model that finds entities answered on a golden set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.common.errors import DataError
from scripts.data.tagged_texts import Span, TaggedTexts, read_tagged
from scripts.evaluate.entity_evaluation import EntityEvaluation, entity_figures
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right
from scripts.gate.answers import Answers, Part, ShownAnswer
from scripts.gate.entity_f1 import EntityCounts, judge_f1
from scripts.gate.golden_set import GoldenSet
from scripts.gate.judgement import Finding
from scripts.gate.settings import GateSettings

NONE = "no entity"


@dataclass(frozen=True)
class EntityAnswers:
    """See `Answers`. A text is answered rightly where exactly its entities were found, each with
    its label and both its edges.
    """

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
        by its score; 1 where there is neither.
        """
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
        and the texts that have none, right where none was found.
        """
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


SPAN = {"label": str, "start": int, "end": int}


@dataclass(frozen=True)
class TaggedGoldenSet(GoldenSet[Sequence[Span]]):
    """Texts and the entities of each, in reading order; see `GoldenSet`.

    Raises DataError too where an entity lies outside its text or overlaps another, and where no
    text has any.
    """

    task: ClassVar[Task] = "token-classification"
    key: ClassVar[str] = "entities"
    form: ClassVar[str] = '"entities", a list of {"label", "start", "end"}'

    @property
    def used_labels(self) -> set[str]:
        return {span.label for spans in self.truth for span in spans}

    def check(self) -> None:
        for row, (text, spans) in enumerate(zip(self.texts, self.truth, strict=True), start=1):
            end = 0
            for span in spans:
                if not end <= span.start < span.end <= len(text):
                    raise DataError(
                        f"golden set: row {row}: [{span.start}, {span.end}) lies outside the text, "
                        "or overlaps the entity before it"
                    )
                end = span.end
        if not self.used_labels:
            raise DataError("golden set: it needs texts with entities")

    def answers(self, predictor: Predictor, title: str) -> Answers:
        # Here, because seqeval brings scikit-learn, which no other kind of model needs.
        from scripts.evaluate.entity_evaluation import evaluate_entities

        rows = TaggedTexts(
            list(self.texts), [list(spans) for spans in self.truth], [""] * len(self)
        )
        return EntityAnswers(predictor.labels, evaluate_entities(predictor, rows, title=title))

    @staticmethod
    def parse(value: Any) -> list[Span]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is no list")
        for entity in value:
            kinds = {k: type(v) for k, v in entity.items()} if isinstance(entity, dict) else None
            if kinds != SPAN:
                raise ValueError(f"{entity!r} is no entity")
        return sorted(Span(**entity) for entity in value)

    @staticmethod
    def written(truth: Sequence[Span]) -> list[dict[str, Any]]:
        return [asdict(span) for span in truth]

    @staticmethod
    def read(path: Path, labels: Sequence[str]) -> tuple[Sequence[str], Sequence[Sequence[Span]]]:
        """CoNLL columns, JSON lines or Parquet; see `read_tagged`."""
        rows = read_tagged(path, labels)
        return rows.texts, rows.spans
