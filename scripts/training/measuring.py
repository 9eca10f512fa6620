"""What `scripts.evaluate` measures of a model, by its task: the same figures of an artifact and of
a service that serves it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from function.core.artifact import Task
from function.core.predictor import Predictor
from scripts.training.evaluation import Evaluation, evaluate, evaluate_told
from scripts.training.metrics import figures
from scripts.training.remote import Service
from scripts.training.sources import LabelledTexts, read_labelled

Rows = TypeVar("Rows")
Measured = TypeVar("Measured")


class Measuring(ABC, Generic[Rows, Measured]):
    """One task's way from a file of texts and what is true of them to figures.

    options: names of what a caller may say of this task alone: how to read a file, which `read`
    takes, and what else to look at.
    """

    options: ClassVar[frozenset[str]]

    @abstractmethod
    def read(self, path: Path, labels: Sequence[str], **how: Any) -> Rows:
        """Read a file. how: some of `options`. Raises DataError."""

    @abstractmethod
    def ask(self, predictor: Predictor, rows: Rows, title: str) -> Measured:
        """Ask a model here. title: of the progress that is shown."""

    @abstractmethod
    def ask_service(self, service: Service, rows: Rows, title: str) -> Measured:
        """Ask a model over HTTP. Raises ServiceError."""

    @abstractmethod
    def figures(self, measured: Measured, labels: Sequence[str]) -> dict[str, float]:
        """As a manifest records them."""


class LabelMeasuring(Measuring[LabelledTexts, Evaluation]):
    """Of models that classify texts."""

    options = frozenset({"text", "label", "behaviour", "highlights", "agreement"})

    def read(self, path: Path, labels: Sequence[str], **how: Any) -> LabelledTexts:
        """text, label: the columns of them. See `read_labelled`."""
        return read_labelled(path, labels, **how)

    def ask(self, predictor: Predictor, rows: LabelledTexts, title: str) -> Evaluation:
        return evaluate(predictor, rows, title=title)

    def ask_service(self, service: Service, rows: LabelledTexts, title: str) -> Evaluation:
        rows = rows.select(shortest_first(rows.texts))
        told = service.predictions(rows.texts, title=title)
        return evaluate_told(told, rows, service.labels)

    def figures(self, measured: Evaluation, labels: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        return figures(measured.probabilities, measured.truth)


def shortest_first(texts: Sequence[str]) -> list[int]:
    """The rows whose text is not empty: side by side, texts of like length cost the least."""
    rows = (row for row, text in enumerate(texts) if text.strip())
    return sorted(rows, key=lambda row: len(texts[row]))


def measuring_of(task: Task) -> Measuring[Any, Any]:
    """The one for models of a task."""
    return _BY_TASK[task]()


def _entity_measuring() -> Measuring[Any, Any]:
    # Here, because seqeval brings scikit-learn, which no other task needs.
    from scripts.training.entities.measuring import EntityMeasuring

    return EntityMeasuring()


_BY_TASK = {
    "text-classification": LabelMeasuring,
    "token-classification": _entity_measuring,
}
