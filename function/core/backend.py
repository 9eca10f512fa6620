"""Interface of the runtimes that turn token ids into logits."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from function.core.tokenization import SEGMENT, TokenIds

Logits = npt.NDArray[np.float32]


class Backend(Protocol):
    """Loaded model graph."""

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """Run one batch, padded on the right: both arrays are (windows, tokens).

        The mask is 1 for tokens and 0 for padding. Where the manifest says `segments`, ids hold
        them; see `split_segments`. Returns (windows, labels), or (windows, tokens, tags) for token
        classification.
        """
        ...


def split_segments(input_ids: TokenIds) -> tuple[TokenIds, TokenIds]:
    """Return a batch's own token ids, and its `token_type_ids`: 0 for padding."""
    return input_ids % SEGMENT, input_ids // SEGMENT


def pad(windows: Sequence[TokenIds], pad_id: int) -> tuple[TokenIds, TokenIds]:
    """Stack windows to (windows, longest), padded on the right, with their attention mask."""
    shape = len(windows), max(len(window) for window in windows)
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    attention_mask = np.zeros(shape, dtype=np.int64)
    for row, window in enumerate(windows):
        input_ids[row, : len(window)] = window
        attention_mask[row, : len(window)] = 1
    return input_ids, attention_mask


def run_in_batches(
    backend: Backend, windows: Sequence[TokenIds], pad_id: int, batch_tokens: int
) -> list[Logits]:
    """Run windows from short to long, so that batches have little padding.

    `batch_tokens` limits the padded tokens of one call, which bounds its memory; a longer window
    runs alone. Returns the logits, (labels,) or (its tokens, tags), in the windows' order.
    """
    outputs: dict[int, Logits] = {}
    batch: list[int] = []

    def flush() -> None:
        rows = backend.run(*pad([windows[index] for index in batch], pad_id))
        for index, row in zip(batch, rows, strict=True):
            outputs[index] = row if row.ndim == 1 else row[: len(windows[index])]
        batch.clear()

    for index in sorted(range(len(windows)), key=lambda index: len(windows[index])):
        if batch and len(windows[index]) * (len(batch) + 1) > batch_tokens:
            flush()
        batch.append(index)
    if batch:
        flush()
    return [outputs[index] for index in range(len(windows))]
