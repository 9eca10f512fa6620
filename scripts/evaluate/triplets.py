"""Triplets of texts, and whether a model's vectors put the closer one closer."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np
import numpy.typing as npt

from function.core.embedding import cosines
from function.core.predictions import EmbeddingPrediction
from function.core.predictor import Predictor
from scripts.data.triplets import Triplets
from scripts.evaluate.evaluation import predict_shortest_first
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right

Similarities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TripletEvaluation:
    """Cosine similarities, (rows,) each, of a text and the closer one, and the other one."""

    positive: Similarities
    negative: Similarities

    @property
    def right(self) -> Right:
        """(rows,) whether the closer text is closer."""
        return np.asarray(self.positive > self.negative)


def all_texts(rows: Triplets) -> list[str]:
    """Return all texts of triplets, three a row."""
    return list(
        chain.from_iterable(
            (text, *others) for text, others in zip(rows.texts, rows.others, strict=True)
        )
    )


def compare_triplets(vectors: Sequence[Sequence[float]]) -> TripletEvaluation:
    """Compare the vectors of `all_texts`."""
    each = np.array(vectors)
    return TripletEvaluation(cosines(each[::3], each[1::3]), cosines(each[::3], each[2::3]))


def evaluate_triplets(predictor: Predictor, rows: Triplets, *, title: str) -> TripletEvaluation:
    """Embed every text; a text that occurs several times, once."""
    texts = list(dict.fromkeys(all_texts(rows)))
    found = predict_shortest_first(predictor, texts, title)
    vectors = {
        text: cast("EmbeddingPrediction", each).embedding
        for text, each in zip(texts, found, strict=True)
    }
    return compare_triplets([vectors[text] for text in all_texts(rows)])


def triplet_figures(found: TripletEvaluation) -> dict[str, float]:
    """Return the figures that a manifest records of one data set."""
    right, rows = int(found.right.sum()), len(found.right)
    low, high = wilson_interval(right, rows)
    return {
        "texts": float(rows),
        "triplets_right": round(right / rows, 5),
        "triplets_right_low": round(low, 5),
        "triplets_right_high": round(high, 5),
    }
