"""What an artifact finds in texts whose entities are known, by the very code that serves it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

from function.core.predictor import Predictor
from function.core.tokenization import LongText
from function.core.types import EntityPrediction, Options
from scripts.common.progress import Progress
from scripts.data.tagged_texts import Span, TaggedTexts
from scripts.evaluate.metrics import calibration_error

BATCH = 16


@dataclass(frozen=True)
class Found:
    """What was found in one text. scores: of each span. tokens, words: of the text; a service does
    not tell how many words it read, and they are None.
    """

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


def evaluate_reported_entities(
    predictions: Sequence[dict[str, Any]], rows: TaggedTexts
) -> EntityEvaluation:
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


def entity_figures(evaluation: EntityEvaluation, labels: Sequence[str]) -> dict[str, float]:
    """What a manifest records of one data set: strict precision, recall and F1 of whole entities,
    by seqeval, together and of each label; and how far scores are from the share that is right.
    """
    pairs = list(zip(evaluation.truth, evaluation.found, strict=True))
    truth, found = zip(
        *(
            _tags(len(text), [true, each.spans])
            for text, (true, each) in zip(evaluation.texts, pairs, strict=True)
        ),
        strict=True,
    )
    totals = _scores(truth, found, "micro")
    by_label = _scores(truth, found, None)
    names = sorted({span.label for true, each in pairs for span in [*true, *each.spans]})
    right, sure = _certainty(evaluation)
    return {
        "texts": float(len(pairs)),
        "entities": float(sum(len(true) for true, _ in pairs)),
        "precision": round(float(totals[0]), 5),
        "recall": round(float(totals[1]), 5),
        "f1": round(float(totals[2]), 5),
        **{
            f"f1_{label}": round(float(by_label[2][names.index(label)]), 5)
            for label in labels
            if label in names
        },
        "calibration_error": round(_calibration_error(right, sure), 5),
        "log_loss": round(entity_log_loss(evaluation), 5),
    }


def entity_log_loss(evaluation: EntityEvaluation) -> float:
    """Mean negative log-likelihood, in nats, of each entity that was found being right or wrong,
    with its score as the probability that it is right.
    """
    right, sure = _certainty(evaluation)
    likelihood = np.where(right, sure, 1 - sure)
    return float(-np.log(np.clip(likelihood, 1e-6, None)).mean()) if len(right) else 0.0


def same_spans(first: EntityEvaluation, second: EntityEvaluation) -> float:
    """The share of the entities of both, counted together, that both found (Dice 1945)."""
    pairs = zip(first.found, second.found, strict=True)
    shared, total = 0, 0
    for one, other in pairs:
        shared += 2 * len(set(one.spans) & set(other.spans))
        total += len(one.spans) + len(other.spans)
    return shared / total if total else 1.0


def _tags(length: int, sides: Sequence[Sequence[Span]]) -> Iterator[list[str]]:
    """Each side's entities as tags of the stretches between all their edges: so an entity is right
    where both its edges and its label are, whatever a word is.
    """
    edges = sorted(
        {0, length} | {edge for side in sides for s in side for edge in (s.start, s.end)}
    )
    place = {edge: index for index, edge in enumerate(edges)}
    for side in sides:
        tags = ["O"] * (len(edges) - 1)
        for span in side:
            tags[place[span.start]] = f"B-{span.label}"
            for index in range(place[span.start] + 1, place[span.end]):
                tags[index] = f"I-{span.label}"
        yield tags


def _scores(
    truth: Sequence[list[str]], found: Sequence[list[str]], average: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        list(truth), list(found), average=average, zero_division=0
    )
    return precision, recall, f1


def _certainty(evaluation: EntityEvaluation) -> tuple[np.ndarray, np.ndarray]:
    """Of each entity that was found: whether it is right, and its score."""
    right, sure = [], []
    for true, each in zip(evaluation.truth, evaluation.found, strict=True):
        right += [span in true for span in each.spans]
        sure += each.scores
    return np.array(right, dtype=bool), np.array(sure)


def _calibration_error(right: np.ndarray, sure: np.ndarray) -> float:
    """As of a classifier that says of each entity, with its score, that it is right."""
    if not len(right):
        return 0.0
    # `calibration_error` takes the larger probability: below a half, that of being wrong.
    return calibration_error(np.stack([1 - sure, sure], axis=1), right.astype(np.int64))
