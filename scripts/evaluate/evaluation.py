"""Answers of a classifier on labelled texts, by the very code that serves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from function.backends.onnx_backend import OnnxBackend
from function.core import predictor as core
from function.core.artifact import Artifact, open_artifact, verify
from function.core.catalog import LoadBackend
from function.core.classification import classified
from function.core.decoding import Probabilities
from function.core.predictions import AnyPrediction
from function.core.predictor import Predictor
from function.core.tokenization import LongText, Text, strings_of
from function.core.types import Options
from scripts.common.progress import Progress
from scripts.data.labelled_texts import LabelledTexts
from scripts.data.rows import is_blank

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
    rows: LabelledTexts,
    *,
    long_text: LongText | None = None,
    title: str,
) -> Evaluation:
    """Classify every text that is not empty, in the rows' order.

    `long_text` overrides what the artifact does with texts beyond one window.
    """
    rows = rows.select(with_text(rows.texts))
    options = Options(long_text=long_text)
    found = classified(predict_shortest_first(predictor, rows.texts, title, options=options))
    return Evaluation(
        label_scores([asdict(each) for each in found], predictor.labels),
        np.array(rows.labels),
        np.array([each.tokens for each in found]),
        np.array([each.stage == "first" for each in found], dtype=np.int64),
    )


def with_text(texts: Sequence[Text]) -> list[int]:
    """Return the rows whose text is not blank, nor either of a pair."""
    return [row for row, text in enumerate(texts) if not any(map(is_blank, strings_of(text)))]


def predict_shortest_first(
    predictor: Predictor,
    texts: Sequence[Text],
    title: str,
    *,
    batch: int = BATCH,
    options: Options | None = None,
) -> list[AnyPrediction]:
    """Answer every text, in their order; texts of like length cost the least together."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found: dict[int, AnyPrediction] = {}
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            predictions, _ = predictor.predict([texts[row] for row in rows], options or Options())
            found |= dict(zip(rows, predictions, strict=True))
            progress.advance(len(rows))
    return [found[row] for row in range(len(texts))]


def label_scores(predictions: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Probabilities:
    """Return (texts, labels) scores of predictions as the HTTP API writes them."""
    scores = [{each["label"]: each["score"] for each in row["scores"]} for row in predictions]
    return np.array([[row[label] for label in labels] for row in scores]).reshape(-1, len(labels))


def join_evaluations(parts: Iterable[Evaluation]) -> Evaluation:
    """Return the answers of several data sets as one."""
    each = list(parts)
    return Evaluation(
        np.concatenate([part.probabilities for part in each]),
        np.concatenate([part.truth for part in each]),
        np.concatenate([part.tokens for part in each]),
        np.concatenate([part.first for part in each if part.first is not None] or [_NONE]),
    )
