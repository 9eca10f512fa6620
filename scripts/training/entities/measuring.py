"""What `scripts.evaluate` measures of a model that finds entities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from function.core.predictor import Predictor
from scripts.training.entities.evaluation import (
    EntityEvaluation,
    evaluate_entities,
    evaluate_told,
)
from scripts.training.entities.metrics import entity_figures
from scripts.training.entities.sources import read_tagged
from scripts.training.entities.tagged import TaggedTexts
from scripts.training.measuring import Measuring, shortest_first
from scripts.training.remote import Service


class EntityMeasuring(Measuring[TaggedTexts, EntityEvaluation]):
    """See `Measuring`."""

    options = frozenset({"renamed_label", "documents"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> TaggedTexts:
        """renamed_label: pairs of a label of the file and its name in the model. documents: whether
        the texts of a document are read as one. See `read_tagged`."""
        rows = read_tagged(path, labels, dict(how.get("renamed_label", ())))
        return rows.documents() if how.get("documents") else rows

    def ask(self, predictor: Predictor, rows: TaggedTexts, title: str) -> EntityEvaluation:
        return evaluate_entities(predictor, rows, title=title)

    def ask_service(self, service: Service, rows: TaggedTexts, title: str) -> EntityEvaluation:
        rows = rows.select(shortest_first(rows.texts))
        return evaluate_told(service.predictions(rows.texts, title=title), rows)

    def figures(self, measured: EntityEvaluation, labels: Sequence[str]) -> dict[str, float]:
        return entity_figures(measured, labels)
