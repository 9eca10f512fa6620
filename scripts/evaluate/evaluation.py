"""Answers of a classifier on labelled texts, by the very code that serves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from function.backends.onnx_backend import OnnxBackend
from function.core import predictor as core
from function.core.artifact import Artifact, open_artifact, verify
from function.core.catalog import LoadBackend
from function.core.decoding import Probabilities
from function.core.predictor import Predictor
from function.core.tokenization import LongText, Text, strings_of
from function.core.types import AnyPrediction, Options
from scripts.common.progress import Progress
from scripts.data.labelled_texts import LabelledInputs, LabelledTexts

BATCH = 32
MOST_WINDOWS = 1_000_000  # of one call: offline, nothing needs a bound

Codes = npt.NDArray[np.int64]  # of labels: their positions in the manifest
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Evaluation:
    """Answers compared with the truth."""

    probabilities: Probabilities
    truth: Codes  # (texts,) of label codes
    tokens: Codes  # (texts,) of each whole text, without special tokens
    first: Codes | None = None  # (texts,) 1 where the first stage of a cascade answered


def open_predictor(
    path: Path,
    threads: int = 0,
    load_backend: LoadBackend | None = None,
    *,
    cascade: bool = True,
) -> Predictor:
    """Open, verify and load an artifact's folder. Raises ArtifactError. See `load_verified`."""
    artifact = open_artifact(path)
    verify(artifact)
    return load_verified(artifact, threads, load_backend, cascade=cascade)


def load_verified(
    artifact: Artifact,
    threads: int = 0,
    load_backend: LoadBackend | None = None,
    *,
    cascade: bool = True,
) -> Predictor:
    """Load an artifact that was verified, as serving would but for the bound on windows.

    With 0 threads ONNX Runtime chooses; `load_backend` opens another backend; without its `cascade`
    the full model reads every text.
    """
    load = load_backend or (lambda found: OnnxBackend(found, threads))
    return core.load_predictor(artifact, load, MOST_WINDOWS, cascade=cascade)


def evaluate(
    predictor: Predictor,
    rows: LabelledTexts | LabelledInputs,
    *,
    long_text: LongText | None = None,
    title: str,
) -> Evaluation:
    """Answer every text that is not empty, the shortest first.

    `long_text` overrides what the artifact does with texts beyond one window.
    """
    order = shortest_first(rows.texts)
    scores: list[Mapping[str, float]] = []
    tokens: list[int] = []
    first: list[int] = []
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            texts = [rows.texts[row] for row in order[start : start + BATCH]]
            predictions = predictor.classify(texts, Options(long_text=long_text))
            for prediction in predictions:
                scores.append({entry.label: entry.score for entry in prediction.scores})
                tokens.append(prediction.tokens)
                first.append(prediction.stage == "first")
            progress.advance(len(texts))
    codes = [rows.labels[row] for row in order]
    found = _evaluation(scores, tokens, codes, predictor.labels)
    return replace(found, first=np.array(first, dtype=np.int64))


def shortest_first(texts: Sequence[Text]) -> list[int]:
    """Return the rows whose text is not empty: texts of like length cost the least together."""
    rows = [row for row, text in enumerate(texts) if all(map(str.strip, strings_of(text)))]
    return sorted(rows, key=lambda row: len(texts[row]))


def predict_shortest_first(
    predictor: Predictor, texts: Sequence[Text], title: str, long_text: LongText | None = None
) -> list[AnyPrediction]:
    """Answer every text, in their order; texts of like length cost the least together."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found: dict[int, AnyPrediction] = {}
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            asked = [texts[row] for row in batch]
            predictions, _ = predictor.predict(asked, Options(long_text=long_text))
            found |= dict(zip(batch, predictions, strict=True))
            progress.advance(len(batch))
    return [found[row] for row in range(len(texts))]


def join_evaluations(parts: Iterable[Evaluation]) -> Evaluation:
    """Return the answers of several data sets as one."""
    each = list(parts)
    return Evaluation(
        np.concatenate([part.probabilities for part in each]),
        np.concatenate([part.truth for part in each]),
        np.concatenate([part.tokens for part in each]),
        np.concatenate([part.first for part in each if part.first is not None] or [_NONE]),
    )


def evaluate_reported(
    predictions: Sequence[dict[str, Any]],
    rows: LabelledTexts | LabelledInputs,
    labels: Sequence[str],
) -> Evaluation:
    """Compare the JSON predictions of a service with the truth of the same rows."""
    scores = [
        {entry["label"]: float(entry["score"]) for entry in prediction["scores"]}
        for prediction in predictions
    ]
    tokens = [prediction["tokens"] for prediction in predictions]
    return _evaluation(scores, tokens, rows.labels, labels)


def _evaluation(
    scores: Sequence[Mapping[str, float]],
    tokens: Sequence[int],
    codes: Sequence[int],
    labels: Sequence[str],
) -> Evaluation:
    return Evaluation(
        np.array([[row[label] for label in labels] for row in scores]).reshape(-1, len(labels)),
        np.array(codes),
        np.array(tokens),
    )
