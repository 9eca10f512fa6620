"""Entities from the tags of words: spans of the text, each with its label and score."""

import unicodedata
from collections.abc import Iterator, Sequence

from function.core.decoding import Probabilities
from function.core.types import OUTSIDE, Entity
from function.core.word_emissions import WordIndices, Words

# Code points that continue a word: joiners, variation selectors, skin tones, tags.
JOINED = {0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}


def build_entities(
    text: str,
    words: Words,
    tags: Sequence[str],
    scores: Probabilities,
    *,
    by_word: bool,
    outside: bool,
) -> Iterator[Entity]:
    """Yield entities in text order.

    Args:
        text: Text that holds the words.
        words: Words of the text.
        tags: Tag of each word.
        scores: Probability of each word's tag.
        by_word: Yield each word by itself, with its tag as the label.
        outside: Also yield words that belong to no entity.
    """
    for start, stop in _runs(tags, words.ids, by_word):
        tag = tags[start]
        if tag == OUTSIDE and not outside:
            continue
        begin, end = _whole(text, int(words.start[start]), int(words.end[stop - 1]))
        yield Entity(
            label=_iob_tag(tag) if by_word else _label(tag),
            text=text[begin:end],
            start=begin,
            end=end,
            score=float(scores[start:stop].mean()),
        )


def _label(tag: str) -> str:
    """Return `PER` for `B-PER`, `O` for `O`."""
    return tag.partition("-")[2] or tag


def _iob_tag(tag: str) -> str:
    """Return a tag with `B-` for `S-` and `I-` for `E-`: clients know no others."""
    return {"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:]


def _runs(tags: Sequence[str], ids: WordIndices, by_word: bool) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) of each run of words that form one entity."""
    start = 0
    for word in range(1, len(tags) + 1):
        goes_on = (
            word < len(tags)
            and not by_word
            and ids[word] == ids[word - 1] + 1
            and _label(tags[word]) == _label(tags[word - 1])
            and tags[word][0] not in "BS"
        )
        if not goes_on:
            yield start, word
            start = word


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a span by the marks on its last character, and trim white space at its edges.

    Tokenizers drop such marks.
    """
    while end < len(text) and (
        unicodedata.category(text[end])[0] == "M" or ord(text[end]) in JOINED
    ):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
