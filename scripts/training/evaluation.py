"""What an artifact answers on labelled texts, by the very code that serves it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact, verify
from function.core.catalog import LoadBackend
from function.core.predictor import Predictor
from function.core.predictor import open_predictor as open_loaded
from function.core.tokenization import LongText
from function.core.types import Options
from scripts.training.metrics import Codes, Probabilities
from scripts.training.progress import Progress
from scripts.training.sources import LabelledTexts

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
    return open_loaded(
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
    codes = {label: code for code, label in enumerate(predictor.labels)}
    probabilities = np.zeros((len(order), len(codes)))
    tokens = np.zeros(len(order), dtype=np.int64)
    with Progress(title, len(order)) as progress:
        for start in range(0, len(order), BATCH):
            texts = [rows.texts[row] for row in order[start : start + BATCH]]
            predictions = predictor.classify(texts, Options(long_text=long_text))
            for offset, prediction in enumerate(predictions):
                tokens[start + offset] = prediction.tokens
                for entry in prediction.scores:
                    probabilities[start + offset, codes[entry.label]] = entry.score
            progress.advance(len(texts))
    return Evaluation(probabilities, np.array([rows.labels[row] for row in order]), tokens)
