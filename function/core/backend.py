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
        """Right-padded (windows, tokens) in, (windows, labels) out."""
        ...


def pad(windows: Sequence[TokenIds], pad_id: int) -> tuple[TokenIds, TokenIds]:
    """Stack windows to (windows, longest), padded on the right, with their attention mask."""
    lengths = np.array([len(window) for window in windows])
    attention_mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    input_ids = np.full(attention_mask.shape, pad_id, dtype=np.int64)
    input_ids[attention_mask.astype(bool)] = np.concatenate(windows)
    return input_ids, attention_mask


def run_in_batches(
    backend: Backend, windows: Sequence[TokenIds], pad_id: int, batch_tokens: int
) -> Logits:
    """Logits of windows in their order, run from short to long so that little padding is read.

    batch_tokens: the padded tokens of one call of the backend; bounds its memory.
    """
    order = sorted(range(len(windows)), key=lambda index: len(windows[index]))
    outputs: list[Logits] = []
    batch: list[TokenIds] = []
    for index in order:
        if batch and len(windows[index]) * (len(batch) + 1) > batch_tokens:
            outputs.append(backend.run(*pad(batch, pad_id)))
            batch = []
        batch.append(windows[index])
    outputs.append(backend.run(*pad(batch, pad_id)))
    logits = np.concatenate(outputs)
    ordered = np.empty_like(logits)
    ordered[order] = logits
    return ordered
