"""What an artifact finds in texts whose entities are known, by the very code that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from function.core.predictor import Predictor
from function.core.tokenization import LongText
from function.core.types import EntityPrediction, Options
from scripts.training.entities.tagged import Span, TaggedTexts
from scripts.training.progress import Progress

BATCH = 16


@dataclass(frozen=True)
class Found:
    """What was found in one text. scores: of each span. tokens, words: of the text; a service does
    not tell how many words it read, and they are None."""

    spans: list[Span]
    scores: list[float]
    tokens: int
    words: int | None


@dataclass(frozen=True)
class EntityEvaluation:
    """Answers beside the truth, of each text that is not empty."""

    texts: list[str]
    truth: list[list[Span]]
    found: list[Found]


def evaluate_entities(
    predictor: Predictor, rows: TaggedTexts, *, long_text: LongText | None = None, title: str
) -> EntityEvaluation:
    """Find the entities of every text that is not empty, in the rows' order."""
    chosen = [row for row, text in enumerate(rows.texts) if text.strip()]
    order = sorted(chosen, key=lambda row: len(rows.texts[row]))
    found: dict[int, Found] = {}
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            texts = [rows.texts[row] for row in batch]
            predictions, _ = predictor.predict(texts, Options(long_text=long_text))
            for row, prediction in zip(batch, predictions, strict=True):
                found[row] = _found(prediction)  # type: ignore[arg-type]
            progress.advance(len(batch))
    kept = rows.select(chosen)
    return EntityEvaluation(kept.texts, kept.spans, [found[row] for row in chosen])


def evaluate_told(predictions: Sequence[dict[str, Any]], rows: TaggedTexts) -> EntityEvaluation:
    """What a service answered, as its JSON has it, beside the truth of the same rows."""
    return EntityEvaluation(rows.texts, rows.spans, [_told(each) for each in predictions])


def _found(prediction: EntityPrediction) -> Found:
    return Found(
        [Span(entity.start, entity.end, entity.label) for entity in prediction.entities],
        [entity.score for entity in prediction.entities],
        prediction.tokens,
        prediction.words,
    )


def _told(prediction: dict[str, Any]) -> Found:
    entities = prediction["entities"]
    return Found(
        [Span(entity["start"], entity["end"], entity["label"]) for entity in entities],
        [float(entity["score"]) for entity in entities],
        prediction["tokens"],
        None,
    )
