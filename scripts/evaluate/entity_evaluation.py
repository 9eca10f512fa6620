"""Entities that an artifact finds in texts whose entities are known, by the code that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from function.core.predictions import EntityPrediction
from function.core.predictor import Predictor
from function.core.types import Options
from scripts.common.progress import Progress
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts

BATCH = 16


@dataclass(frozen=True)
class Found:
    """The entities found in one text."""

    spans: list[Span]  # in reading order
    scores: list[float]
    tokens: int
    words: int | None  # of the text; None from a service, which does not report them


@dataclass(frozen=True)
class EntityEvaluation:
    """Answers compared with the truth, one per text that is not empty."""

    texts: list[str]
    truth: list[list[Span]]
    found: list[Found]


def evaluate_entities(predictor: Predictor, rows: TaggedTexts, *, title: str) -> EntityEvaluation:
    """Find the entities of every text that is not empty, in the rows' order."""
    chosen = [row for row, text in enumerate(rows.texts) if text.strip()]
    order = sorted(chosen, key=lambda row: len(rows.texts[row]))
    found: dict[int, Found] = {}
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            predictions, _ = predictor.predict([rows.texts[row] for row in batch], Options())
            for row, prediction in zip(batch, predictions, strict=True):
                found[row] = _found(prediction)  # type: ignore[arg-type]
            progress.advance(len(batch))
    kept = rows.select(chosen)
    return EntityEvaluation(kept.texts, kept.spans, [found[row] for row in chosen])


def evaluate_reported_entities(
    predictions: Sequence[dict[str, Any]], rows: TaggedTexts
) -> EntityEvaluation:
    """Compare the JSON predictions of a service with the truth of the same rows."""
    return EntityEvaluation(rows.texts, rows.spans, [_reported(each) for each in predictions])


def _found(prediction: EntityPrediction) -> Found:
    return Found(
        [Span(entity.start, entity.end, entity.label) for entity in prediction.entities],
        [entity.score for entity in prediction.entities],
        prediction.tokens,
        prediction.words,
    )


def _reported(prediction: dict[str, Any]) -> Found:
    entities = prediction["entities"]
    return Found(
        [Span(entity["start"], entity["end"], entity["label"]) for entity in entities],
        [float(entity["score"]) for entity in entities],
        prediction["tokens"],
        None,
    )
