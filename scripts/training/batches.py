"""Length-grouped batches, planned from a seed alone so that a killed run finds its place again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

GROUP = 64  # batches that are sorted by length together; more would make epochs alike


@dataclass(frozen=True)
class Batch:
    """Right-padded tensors, (texts, tokens); `labels` is (texts,), or one for each token too."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(
            self.input_ids.to(device, non_blocking=True),
            self.attention_mask.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
        )


def plan_epoch(
    lengths: Sequence[int], *, batch_texts: int, batch_tokens: int, seed: int
) -> list[list[int]]:
    """Row numbers of each batch of one epoch, in training order.

    A batch holds at most `batch_texts` rows and, padded, `batch_tokens` tokens (one row at least).
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(order), GROUP * batch_texts):
        rows = sorted(order[start : start + GROUP * batch_texts], key=lambda row: -lengths[row])
        batch: list[int] = []
        for row in rows:
            longest = lengths[batch[0]] if batch else lengths[row]
            if batch and (len(batch) == batch_texts or longest * (len(batch) + 1) > batch_tokens):
                batches.append(batch)
                batch = []
            batch.append(int(row))
        batches.append(batch)
    return [batches[index] for index in generator.permutation(len(batches))]


def in_order(lengths: Sequence[int], *, batch_texts: int, batch_tokens: int) -> Iterator[list[int]]:
    """Rows from longest to shortest, in batches: for evaluation, where order does not matter."""
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    while rows:
        count = max(1, min(batch_texts, batch_tokens // max(1, lengths[rows[0]])))
        yield rows[:count]
        rows = rows[count:]
