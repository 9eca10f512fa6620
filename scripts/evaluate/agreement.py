"""How often two ways of reading the same texts end in the same label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from function.core.backend import Backend, Logits
from function.core.tokenization import TokenIds
from scripts.evaluate.metrics import Probabilities, wilson_interval


class Answered(Protocol):
    """Answers to texts. probabilities: (texts, labels)."""

    @property
    def probabilities(self) -> Probabilities: ...


@dataclass(frozen=True)
class Agreement:
    """share: of texts with the same best label; low, high: its 95 % interval.

    mean_difference, p99_difference, max_difference: of the probabilities, over texts and labels.
    leads: of each text with another label, by how much the first's best probability leads.
    """

    texts: int
    share: float
    low: float
    high: float
    mean_difference: float
    p99_difference: float
    max_difference: float
    leads: Sequence[float]

    def __str__(self) -> str:
        return (
            f"{self.share:.2%} of {self.texts} texts [{self.low:.2%}, {self.high:.2%}]; "
            f"probabilities differ by {self.mean_difference:.4f}, 99 % of them by at most "
            f"{self.p99_difference:.3f}, all by at most {self.max_difference:.3f}"
        )


def compare(first: Answered, second: Answered) -> Agreement:
    """Compare the answers to the same texts in the same order."""
    one, other = first.probabilities, second.probabilities
    same = one.argmax(1) == other.argmax(1)
    differences = np.abs(one - other)
    best = np.sort(one[~same], axis=1)
    share = float(same.mean())
    low, high = wilson_interval(share, len(same))
    return Agreement(
        len(same),
        share,
        low,
        high,
        float(differences.mean()),
        float(np.quantile(differences, 0.99)),
        float(differences.max()),
        sorted((best[:, -1] - best[:, -2]).round(4).tolist()),
    )


class OneByOne:
    """A backend that reads each window of a batch by itself, as a request of one text is read.

    The graph rounds activations to eight bits of the largest in the batch, so what stands beside
    a window moves its logits.
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
