"""From the tags of words to entities: stretches of the text, each with its label and its score."""

import unicodedata
from collections.abc import Iterator, Sequence

from function.core.decoding import Probabilities
from function.core.types import OUTSIDE, Entity
from function.core.word_emissions import Places, Words

# What a word is written on with: joiners, variation selectors, skin tones.
JOINED = {0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}


def entities_of(
    text: str,
    words: Words,
    tags: Sequence[str],
    scores: Probabilities,
    *,
    apart: bool,
    outside: bool,
) -> Iterator[Entity]:
    """In reading order.

    tags, scores: of each word, its tag and how probable that is. apart: each word by itself, with
    its tag. outside: also what belongs to no entity.
    """
    for start, stop in _runs(tags, words.ids, apart):
        tag = tags[start]
        if tag == OUTSIDE and not outside:
            continue
        begin, end = _whole(text, int(words.start[start]), int(words.end[stop - 1]))
        yield Entity(
            label=_flat(tag) if apart else _label(tag),
            text=text[begin:end],
            start=begin,
            end=end,
            score=float(scores[start:stop].mean()),
        )


def _label(tag: str) -> str:
    """`PER` of `B-PER`, `O` of `O`."""
    return tag.partition("-")[2] or tag


def _flat(tag: str) -> str:
    """A tag as clients know them, who have no words that end an entity or stand alone."""
    return {"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:]


def _runs(tags: Sequence[str], ids: Places, apart: bool) -> Iterator[tuple[int, int]]:
    """[start, stop) of each stretch of words that belong together."""
    start = 0
    for word in range(1, len(tags) + 1):
        goes_on = (
            word < len(tags)
            and not apart
            and ids[word] == ids[word - 1] + 1
            and _label(tags[word]) == _label(tags[word - 1])
            and tags[word][0] not in "BS"
        )
        if not goes_on:
            yield start, word
            start = word


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch with the marks that stand on its last character, which tokenizers drop, and
    without white space at its edges."""
    while end < len(text) and (
        unicodedata.category(text[end])[0] == "M" or ord(text[end]) in JOINED
    ):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
