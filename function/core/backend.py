"""What turns token ids into logits, whatever runs underneath."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from function.core.tokenization import TokenIds

Logits = npt.NDArray[np.float32]


class Backend(Protocol):
    """One loaded graph."""

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """Right-padded (windows, tokens) in; (windows, labels) out, or, where every token is
        answered for, (windows, tokens, tags)."""
        ...


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
    """Each window's logits, (labels,) or (its tokens, tags), in the windows' order. They are run
    from short to long, so that little padding is read.

    batch_tokens: the padded tokens of one call of the backend; bounds its memory.
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
    flush()
    return [outputs[index] for index in range(len(windows))]
