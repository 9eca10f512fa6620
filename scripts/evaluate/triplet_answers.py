"""Answers of a model that embeds texts: whether its vectors put the closer text closer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt

from function.core.embedding import cosines
from function.core.tokenization import Text
from scripts.data.triplets import Others
from scripts.data.truth import TextRows
from scripts.evaluate.answers import Answers, Predictions, ShownAnswer
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import Right

Similarities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TripletAnswers(Answers[Others]):
    """See `Answers`. A row is answered rightly where its positive text is the closer one."""

    key = "embedding"
    measure = "share of triplets ranked right"

    others: Sequence[Others]
    positive: Similarities  # (rows,) cosines of each text and its positive one
    negative: Similarities

    @classmethod
    def texts_of(cls, rows: TextRows[Others]) -> list[Text]:
        """Return every text of the triplets once."""
        return list(dict.fromkeys([*rows.texts, *chain.from_iterable(rows.truth)]))

    @classmethod
    def compare(
        cls,
        predictions: Predictions,
        rows: TextRows[Others],
        labels: Sequence[str],  # noqa: ARG003
    ) -> Self:
        vectors = dict(zip(cls.texts_of(rows), predictions, strict=True))
        text, positive, negative = (
            np.array([vectors[each]["embedding"] for each in texts])
            for texts in (rows.texts, *zip(*rows.truth, strict=True))
        )
        return cls(rows.truth, cosines(text, positive), cosines(text, negative))

    @property
    def right(self) -> Right:
        return np.asarray(self.positive > self.negative)

    @cached_property
    def figures(self) -> dict[str, float]:
        right, rows = int(self.right.sum()), len(self.right)
        low, high = wilson_interval(right, rows)
        return {
            "texts": float(rows),
            "triplets_right": round(right / rows, 5),
            "triplets_right_low": round(low, 5),
            "triplets_right_high": round(high, 5),
        }

    @property
    def support(self) -> Similarities:
        """(rows,) by how much the positive text is closer, in [0, 1]; 0.5 where none is."""
        return (self.positive - self.negative + 2) / 4

    def show(self, row: int) -> ShownAnswer:
        others = self.others[row]
        closer = others.positive if self.right[row] else others.negative
        best = max(self.positive[row], self.negative[row])
        return ShownAnswer(others.positive, closer, float(best))
