"""Agreement of two ways to run the same texts: how often both give the same label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from function.core.backend import Backend, Logits
from function.core.decoding import Probabilities
from function.core.tokenization import TokenIds
from scripts.evaluate.metrics import wilson_interval


class HasProbabilities(Protocol):
    """Answers to texts, with (texts, labels) probabilities."""

    @property
    def probabilities(self) -> Probabilities: ...


@dataclass(frozen=True)
class Agreement:
    """Agreement on the label, and differences of the probabilities.

    `leads` has, of each text with another label, the lead of the first's best probability.
    """

    texts: int
    share: float  # of texts with the same best label
    low: float  # lower end of the share's 95 % interval
    high: float
    mean_difference: float  # of the probabilities, over texts and labels
    p99_difference: float  # which 99 % of them do not exceed
    max_difference: float
    leads: Sequence[float]

    def __str__(self) -> str:
        return (
            f"{self.share:.2%} of {self.texts} texts [{self.low:.2%}, {self.high:.2%}]; "
            f"probabilities differ by {self.mean_difference:.4f}, 99 % of them by at most "
            f"{self.p99_difference:.3f}, all by at most {self.max_difference:.3f}"
        )


def compare_labels(first: HasProbabilities, second: HasProbabilities) -> Agreement:
    """Compare the answers to the same texts in the same order."""
    one, other = first.probabilities, second.probabilities
    same = one.argmax(1) == other.argmax(1)
    differences = np.abs(one - other)
    best = np.sort(one[~same], axis=1)
    low, high = wilson_interval(int(same.sum()), len(same))
    return Agreement(
        len(same),
        float(same.mean()),
        low,
        high,
        float(differences.mean()),
        float(np.quantile(differences, 0.99)),
        float(differences.max()),
        sorted((best[:, -1] - best[:, -2]).round(4).tolist()),
    )


class OneByOne:
    """A backend that runs each window of a batch by itself, as it runs a request of one text.

    The graph rounds activations to eight bits of the largest in the batch, so the other windows of
    a batch move a window's logits.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        lengths = attention_mask.sum(axis=1)
        rows = [
            self._backend.run(ids[None, :length], mask[None, :length])
            for ids, mask, length in zip(input_ids, attention_mask, lengths, strict=True)
        ]
        return np.concatenate(rows)
