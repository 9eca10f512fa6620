"""Casing of tokens, for a model whose tokenizer lower-cases.

One number holds a token's id and its casing: `id + vocabulary size x casing`. So windows, padding,
queues and batches keep both together, and the graph separates them.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Casing(IntEnum):
    """Casing of one token. Digits, punctuation and scripts without case are `NONE`."""

    NONE = 0
    INITIAL = 1
    ALL = 2
    SINGLE = 3
    MIXED = 4


def casing_of(text: str, offsets: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """Return the casings, (tokens,), of the spans [start, end) of a text."""
    if not offsets:
        return np.zeros(0, dtype=np.int64)
    characters = np.array([text]).view("U1")[: len(text)]
    upper, letter = np.strings.isupper(characters), np.strings.isalpha(characters)
    starts, ends = np.array(offsets, dtype=np.int64).T
    uppers, letters = (_counts(flags, starts, ends) for flags in (upper, letter))
    first = upper[np.minimum(starts, len(text) - 1)]
    return np.select(
        [
            uppers == 0,
            (uppers == letters) & (letters == 1),
            uppers == letters,
            first & (uppers == 1),
        ],
        [Casing.NONE, Casing.SINGLE, Casing.ALL, Casing.INITIAL],
        Casing.MIXED,
    ).astype(np.int64)


def _counts(
    flags: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count the characters in each span [start, end) that have a property."""
    before = np.concatenate(([0], np.cumsum(flags)))
    return np.asarray(before[ends] - before[starts])
