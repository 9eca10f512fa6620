"""The tags that words have in training: where they stand in an entity, and of which label.

`B` begins an entity of several words, `I` goes on, `E` ends it, `S` is one by itself (BIOES, which
Ratinov & Roth 2009 found better than BIO).
"""

from collections.abc import Sequence

import numpy as np

from function.core.decoding import Tags
from function.core.tokenization import EncodedText
from scripts.data.tagged_texts import Span
from scripts.training.examples import IGNORED

OUTSIDE = "O"


def tags_of(labels: Sequence[str]) -> list[str]:
    """Every tag, `O` first."""
    return [OUTSIDE, *(f"{place}-{label}" for label in labels for place in "BIES")]


def tag_words(encoded: EncodedText, spans: Sequence[Span], tags: Sequence[str]) -> Tags:
    """(tokens,) the tag of each word at its first token, IGNORED at its others.

    A word is in an entity where its first character is. Spans are in order and do not overlap.
    """
    codes = {tag: code for code, tag in enumerate(tags)}
    first = np.flatnonzero(np.diff(encoded.word_ids, prepend=-2))
    starts = np.array([start for start, _ in encoded.offsets])[first]
    found = np.full(len(encoded.ids), IGNORED, dtype=np.int64)
    found[first] = codes[OUTSIDE]
    for span in spans:
        inside = first[(starts >= span.start) & (starts < span.end)]
        for place, token in enumerate(inside):
            found[token] = codes[f"{_place(place, len(inside))}-{span.label}"]
    return found


def forbidden(tags: Sequence[str]) -> tuple[Tags, Tags, Tags]:
    """What no entity looks like: (tags,) that cannot come first, (tags,) that cannot come last,
    and (tags, tags) that cannot follow one another, each 1."""
    goes_on = [tag[0] in "IE" for tag in tags]
    is_open = [tag[0] in "BI" for tag in tags]
    between = [
        [
            on != opened or (on and before[2:] != after[2:])
            for after, on in zip(tags, goes_on, strict=True)
        ]
        for before, opened in zip(tags, is_open, strict=True)
    ]
    return (
        np.array(goes_on, dtype=np.int64),
        np.array(is_open, dtype=np.int64),
        np.array(between, dtype=np.int64),
    )


def entities_of(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Words [start, stop) and label of each entity that tags without a flaw tell."""
    found, start = set(), 0
    for word, tag in enumerate(tags):
        if tag[0] in "BS":
            start = word
        if tag[0] in "ES":
            found.add((start, word + 1, tag[2:]))
    return found


def _place(word: int, words: int) -> str:
    if words == 1:
        return "S"
    return "B" if word == 0 else "E" if word == words - 1 else "I"
