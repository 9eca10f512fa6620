"""What an artifact answers on labelled texts, by the very code that serves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact, verify
from function.core.catalog import LoadBackend
from function.core.predictor import Predictor, load_predictor
from function.core.tokenization import LongText
from function.core.types import Options
from scripts.common.progress import Progress
from scripts.data.labelled_texts import LabelledTexts
from scripts.evaluate.metrics import Codes, Probabilities

BATCH = 32


@dataclass(frozen=True)
class Evaluation:
    """Answers beside the truth. tokens: of each whole text, without special tokens."""

    probabilities: Probabilities
    truth: Codes
    tokens: Codes


def open_predictor(
    path: Path, threads: int = 0, load_backend: LoadBackend | None = None
) -> Predictor:
    """Load an artifact as serving would, with no bound on a request's windows.

    load_backend: opens its backend; None takes ONNX Runtime on so many threads.
    """
    artifact = open_artifact(path)
    verify(artifact)
    return load_predictor(
        artifact,
        load_backend or (lambda found: OnnxBackend(found, threads)),
        max_windows=1_000_000,
    )


def evaluate(
    predictor: Predictor, rows: LabelledTexts, *, long_text: LongText | None = None, title: str
) -> Evaluation:
    """Answer every text that is not empty. `long_text` overrides what the artifact says."""
    order = [
        row for row in np.argsort([len(text) for text in rows.texts]) if rows.texts[row].strip()
    ]
    scores: list[Mapping[str, float]] = []
    tokens: list[int] = []
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            texts = [rows.texts[row] for row in order[start : start + BATCH]]
            predictions = predictor.classify(texts, Options(long_text=long_text))
            for prediction in predictions:
                scores.append({entry.label: entry.score for entry in prediction.scores})
                tokens.append(prediction.tokens)
            progress.advance(len(texts))
    return _beside_truth(scores, tokens, rows.select(order), predictor.labels)


def evaluate_reported(
    predictions: Sequence[dict[str, Any]], rows: LabelledTexts, labels: Sequence[str]
) -> Evaluation:
    """What a service answered, as its JSON has it, beside the truth of the same rows."""
    scores = [
        {entry["label"]: float(entry["score"]) for entry in prediction["scores"]}
        for prediction in predictions
    ]
    tokens = [prediction["tokens"] for prediction in predictions]
    return _beside_truth(scores, tokens, rows, labels)


def _beside_truth(
    scores: Sequence[Mapping[str, float]],
    tokens: Sequence[int],
    rows: LabelledTexts,
    labels: Sequence[str],
) -> Evaluation:
    return Evaluation(
        np.array([[row[label] for label in labels] for row in scores]).reshape(-1, len(labels)),
        np.array(rows.labels),
        np.array(tokens),
    )
