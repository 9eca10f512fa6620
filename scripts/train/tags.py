"""Tags of words.

`B` begins an entity of several words, `I` goes on, `E` ends it, `S` is one of a single word (BIOES,
which Ratinov & Roth 2009 found better than BIO). `O` is outside of all. With `B` and `I` alone
(BIO), `E` is an `I` and `S` a `B`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from function.core.decoding import Tags
from function.core.tokenization import EncodedText
from function.core.types import OUTSIDE
from scripts.data.spans import Span
from scripts.train.batches import IGNORED

BIOES, BIO = "BIES", "BI"
IN_BIO = {"B": "B", "I": "I", "E": "I", "S": "B"}


def tags_of(labels: Sequence[str], parts: str = BIOES) -> list[str]:
    """Return every tag, `O` first."""
    return [OUTSIDE, *(f"{part}-{label}" for label in labels for part in parts)]


def tag_words(encoded: EncodedText, spans: Sequence[Span], tags: Sequence[str]) -> Tags:
    """Return (tokens,) the tag of each word at its first token, IGNORED at its others.

    A word is in an entity where its first character is. Spans are in order and do not overlap.
    """
    codes = {tag: code for code, tag in enumerate(tags)}
    first = first_tokens(encoded)
    starts = np.array([start for start, _ in encoded.offsets])[first]
    found = np.full(len(encoded.ids), IGNORED, dtype=np.int64)
    found[first] = codes[OUTSIDE]
    for span in spans:
        inside = first[(starts >= span.start) & (starts < span.end)]
        for word, token in enumerate(inside):
            part = _part(word, len(inside))
            in_bio = codes[f"{IN_BIO[part]}-{span.label}"]
            found[token] = codes.get(f"{part}-{span.label}", in_bio)
    return found


def first_tokens(encoded: EncodedText) -> npt.NDArray[np.intp]:
    """Return the index of each word's first token."""
    return np.flatnonzero(np.diff(encoded.word_ids, prepend=-2))


def forbidden(tags: Sequence[str]) -> tuple[Tags, Tags, Tags]:
    """Return the tags that no entity has, each 1.

    They are (tags,) that cannot come first, (tags,) that cannot come last, and (tags, tags) that
    cannot follow one another.
    """
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
    """Return words [start, stop) and label of each entity, of tags in either scheme."""
    found, start = set(), 0
    for word, tag in enumerate(tags):
        if word == 0 or _parted(tags[word - 1], tag):
            start = word
        if tag != OUTSIDE and (word + 1 == len(tags) or _parted(tag, tags[word + 1])):
            found.add((start, word + 1, tag[2:]))
    return found


def _parted(before: str, after: str) -> bool:
    """Return whether no entity goes on from one tag to the other."""
    return after[0] in "OBS" or before[2:] != after[2:]


def _part(word: int, words: int) -> str:
    if words == 1:
        return "S"
    return "B" if word == 0 else "E" if word == words - 1 else "I"
