"""The words of a text and what the model says of each, put together from its windows.

A word takes the emission of its first token, and that from the window in which it stands farthest
from the edges. So the tags of a long text are decoded at once, and no entity ends at a seam.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from function.core.backend import Logits
from function.core.decoding import Scores
from function.core.reading import WindowedText

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """The words of a text that some window reads.

    ids: which of the text's words. start, end: its code points. emissions: (words, tags).
    """

    ids: Places
    start: Places
    end: Places
    emissions: Scores


def words_of(text: WindowedText, outputs: Sequence[Logits], prefix: int) -> Words:
    """outputs: (tokens, tags) of each window. prefix: special tokens that a window begins with."""
    encoded = text.encoded
    emissions, read = _emissions(text, outputs, prefix)
    word_of = encoded.word_ids
    first = np.flatnonzero(np.diff(word_of, prepend=-2))
    last = np.append(first[1:], len(word_of)) - 1
    known = read[first]
    offsets = np.array(encoded.offsets, dtype=np.int64)
    return Words(
        np.flatnonzero(known),
        offsets[first[known], 0],
        offsets[last[known], 1],
        emissions[first[known]],
    )


def _emissions(
    text: WindowedText, outputs: Sequence[Logits], prefix: int
) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """(tokens, tags) of the text's own tokens, and which of them some window reads."""
    tokens = len(text.encoded.ids)
    emissions = np.zeros((tokens, outputs[0].shape[1]))
    from_edge = np.full(tokens, -1)
    for positions, output in zip(text.positions, outputs, strict=True):
        content = output[prefix : prefix + len(positions)]
        depth = np.minimum(np.arange(len(positions)), np.arange(len(positions))[::-1])
        better = depth > from_edge[positions]
        from_edge[positions[better]] = depth[better]
        emissions[positions[better]] = content[better]
    return emissions, from_edge >= 0
