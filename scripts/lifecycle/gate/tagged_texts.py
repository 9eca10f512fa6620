"""A golden set for models that find entities: the entities of each text."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.common.errors import DataError
from scripts.data.tagged_texts import Span, TaggedTexts, read_tagged
from scripts.lifecycle.gate.answers import Answers
from scripts.lifecycle.gate.golden_set import GoldenSet

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
        from scripts.lifecycle.gate.entity_answers import EntityAnswers

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
