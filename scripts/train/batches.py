"""Batches of examples, grouped by length and planned from a seed alone.

A killed run plans the same batches again, and so finds its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from function.core.backend import pad
from function.core.tokenization import TextTokenizer, TokenIds

IGNORED = -100  # the label of a token without one, as torch's losses have it
LabelCodes = Sequence[int] | Sequence[Sequence[int]]  # of each text: a label's, or 0 or 1 a label
GROUP = 64  # batches that are sorted by length together; more would make epochs alike


@dataclass(frozen=True)
class SoftTargets:
    """A teacher's answers to one batch: logits of (texts, labels) or (texts, tokens, tags)."""

    logits: torch.Tensor
    weights: torch.Tensor
    temperature: float

    def to(self, device: torch.device) -> "SoftTargets":
        return SoftTargets(self.logits.to(device), self.weights.to(device), self.temperature)

    def mix(self, hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
        """Return the mean over texts of the labels' loss and the teacher's, each (texts,)."""
        return ((1 - self.weights) * hard + self.weights * soft).mean()

    def divergence(self, logits: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence from the teacher's answers, without last axis.

        Times the square of the temperature, it keeps the scale of its gradient (Hinton et al.
        2015, "Distilling the Knowledge in a Neural Network").
        """
        student = functional.log_softmax(logits / self.temperature, dim=-1)
        target = functional.softmax(teacher / self.temperature, dim=-1)
        found = functional.kl_div(student, target, reduction="none").sum(-1)
        return self.temperature**2 * found


@dataclass(frozen=True)
class Teaching:
    """A teacher's answers to the rows of a training set, in their order, then to more `texts`."""

    texts: Sequence[str]  # without labels
    logits: Sequence[npt.NDArray[np.float32]]  # of each row and text, (labels,) or (words, tags)
    # of each, the teacher's share of the loss: 0 where it has no answer, 1 where there is no label
    weights: Sequence[float]
    temperature: float  # divides the logits of both models
    origin: Sequence[Mapping[str, Any]] = ()  # of the provenance: it names each teacher

    def targets(self, rows: Sequence[int], logits: torch.Tensor) -> SoftTargets:
        """Return the targets of a batch of these rows, given its logits."""
        weights = torch.tensor([self.weights[row] for row in rows])
        return SoftTargets(logits, weights, self.temperature)


@dataclass(frozen=True)
class Batch:
    """Right-padded tensors, (texts, tokens); `labels` are tags or `LabelCodes`."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    soft: SoftTargets | None = None  # where there is a teacher

    def to(self, device: torch.device) -> "Batch":
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.labels.to(device),
            self.soft and self.soft.to(device),
        )


class Examples(Protocol):
    """Rows to learn from, which are cut to a number of tokens."""

    def of_epoch(self, seed: int) -> "Examples":
        """Return the rows of one epoch, drawn from the seed where epochs differ."""

    def lengths(self, max_tokens: int) -> Sequence[int]:
        """Return the tokens of each row, special ones included."""

    def collate(
        self, rows: Sequence[int], max_tokens: int, generator: np.random.Generator | None
    ) -> Batch:
        """Pad rows to their longest.

        A generator draws which part of a row beyond `max_tokens` is taken; None takes its start.
        """


@dataclass(frozen=True)
class TokenizedTexts:
    """Texts as content token ids, with their label codes, and a teacher's answers if it has any."""

    tokenizer: TextTokenizer
    ids: Sequence[TokenIds]
    labels: LabelCodes
    teaching: Teaching | None = None

    def of_epoch(self, seed: int) -> "TokenizedTexts":  # noqa: ARG002
        """See `Examples`. Every epoch has the same rows."""
        return self

    def lengths(self, max_tokens: int) -> list[int]:
        """See `Examples`."""
        return [min(len(ids) + self.tokenizer.special_tokens, max_tokens) for ids in self.ids]

    def collate(
        self, rows: Sequence[int], max_tokens: int, generator: np.random.Generator | None
    ) -> Batch:
        """See `Examples`."""
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
        soft = None
        if self.teaching:
            logits = np.stack([self.teaching.logits[row] for row in rows])
            soft = self.teaching.targets(rows, torch.from_numpy(logits))
        return Batch(input_ids, attention_mask, labels, soft)


def stack(windows: Sequence[TokenIds], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (rows, longest) padded on the right, and the mask of tokens that are no padding."""
    values, mask = map(torch.from_numpy, pad(windows, fill))
    return values, mask


def plan_epoch(
    lengths: Sequence[int], *, batch_texts: int, batch_tokens: int, seed: int
) -> list[list[int]]:
    """Return the row numbers of each batch of one epoch, in training order.

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
    """Yield batches from the longest row to the shortest, for validation: no order matters."""
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    while rows:
        count = max(1, min(batch_texts, batch_tokens // max(1, lengths[rows[0]])))
        yield rows[:count]
        rows = rows[count:]
