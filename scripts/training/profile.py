"""The reference profile: what traffic looked like when the model was judged."""

from typing import Any

import numpy as np
import numpy.typing as npt

from function.core.tokenization import TextTokenizer
from scripts.training.evaluation import Evaluation
from scripts.training.sources import LabelledTexts

SCORE_EDGES = np.linspace(0.0, 1.0, 21)
LENGTH_EDGES = np.array([0, 4, 8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 2048, 1_000_000])
RATIO_EDGES = np.array([0.0, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2.0, 3.0, 100.0])


def reference_profile(
    evaluation: Evaluation, rows: LabelledTexts, tokenizer: TextTokenizer, labels: list[str]
) -> dict[str, Any]:
    """Histograms of best score, tokens and tokens per word (edges, counts), and label shares."""
    predicted = evaluation.probabilities.argmax(1)
    ratios = [
        len(text.ids) / len(np.unique(text.word_ids))
        for text in tokenizer.encode(rows.texts)
        if len(text.ids)
    ]
    return {
        "texts": len(predicted),
        "labels": {
            label: round(float((predicted == code).mean()), 5) for code, label in enumerate(labels)
        },
        "score": histogram(evaluation.probabilities.max(1), SCORE_EDGES),
        "tokens": histogram(evaluation.tokens, LENGTH_EDGES),
        "tokens_per_word": histogram(np.array(ratios), RATIO_EDGES),
    }


def histogram(values: npt.NDArray[Any], edges: npt.NDArray[Any]) -> dict[str, list[float]]:
    """How many values lie between each two edges."""
    counts, _ = np.histogram(values, bins=edges)
    return {"edges": [float(edge) for edge in edges], "counts": [float(count) for count in counts]}
