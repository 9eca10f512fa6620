"""What a phase of training learns from: rows that become batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from function.core.tokenization import TextTokenizer, TokenIds

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


IGNORED = -100  # the label of a token that is not asked about, as torch's losses have it


class Examples(Protocol):
    """Rows, as long as they are once cut to a number of tokens."""

    def of_epoch(self, seed: int) -> "Examples":
        """The rows of one epoch: where each has its own, drawn from the seed."""
        ...

    def lengths(self, max_tokens: int) -> Sequence[int]:
        """Tokens of each row, special ones included."""
        ...

    def collate(
        self, rows: Sequence[int], max_tokens: int, generator: np.random.Generator | None
    ) -> Batch:
        """Pad rows to their longest. generator: draws which part of a long one is taken; its
        start without.
        """
        ...


@dataclass(frozen=True)
class TokenizedTexts:
    """Texts as content token ids, with their label codes."""

    tokenizer: TextTokenizer
    ids: Sequence[TokenIds]
    labels: Sequence[int]

    def of_epoch(self, seed: int) -> "TokenizedTexts":  # noqa: ARG002
        """See Examples: the same rows in each."""
        return self

    def lengths(self, max_tokens: int) -> list[int]:
        """See Examples."""
        return [min(len(ids) + self.tokenizer.special_tokens, max_tokens) for ids in self.ids]

    def collate(
        self, rows: Sequence[int], max_tokens: int, generator: np.random.Generator | None
    ) -> Batch:
        """See Examples."""
        capacity = max_tokens - self.tokenizer.special_tokens
        windows = []
        for row in rows:
            ids = self.ids[row]
            start = 0
            if len(ids) > capacity and generator is not None:
                start = int(generator.integers(0, len(ids) - capacity + 1))
            windows.append(self.tokenizer.with_special_tokens(ids[start : start + capacity]))
        input_ids, attention_mask = stack(windows, self.tokenizer.pad_id)
        labels = torch.tensor([self.labels[row] for row in rows], dtype=torch.int64)
        return Batch(input_ids, attention_mask, labels)


def stack(windows: Sequence[TokenIds], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, longest), padded on the right, and which of that is not padding."""
    width = max(len(window) for window in windows)
    values = torch.full((len(windows), width), fill, dtype=torch.int64)
    mask = torch.zeros((len(windows), width), dtype=torch.int64)
    for index, window in enumerate(windows):
        values[index, : len(window)] = torch.from_numpy(window)
        mask[index, : len(window)] = 1
    return values, mask
