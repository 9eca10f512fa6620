"""Words of a text and their emissions, merged from its windows.

A word takes the emission of its first token, from the window in which that token is farthest from
the edges. So the tags of a long text are decoded together, and no entity ends at a window's edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from function.core.backend import Logits
from function.core.decoding import Scores
from function.core.windows import WindowedText

WordIndices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Words of a text that are in some window; their `ids` count all words of the text.

    They span the code points [start, end); emissions are (words, tags).
    """

    ids: WordIndices
    start: WordIndices
    end: WordIndices
    emissions: Scores


def build_words(text: WindowedText, outputs: Sequence[Logits], prefix: int) -> Words:
    """Merge the outputs of a text's windows, (tokens, tags) each, into emissions of its words.

    `prefix` is the number of special tokens that a window begins with.
    """
    encoded = text.encoded
    emissions, covered = token_emissions(text, outputs, prefix)
    word_of = encoded.word_ids
    first = np.flatnonzero(np.diff(word_of, prepend=-2))
    last = np.append(first[1:], len(word_of)) - 1
    known = covered[first]
    offsets = np.array(encoded.offsets, dtype=np.int64)
    return Words(
        np.flatnonzero(known),
        offsets[first[known], 0],
        offsets[last[known], 1],
        emissions[first[known]],
    )


def token_emissions(
    text: WindowedText, outputs: Sequence[Logits], prefix: int
) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Return the emissions of the text's tokens, (tokens, tags), and a mask of the covered ones."""
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
