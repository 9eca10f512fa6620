"""Splits of a data set without leaks; a row falls on the same side everywhere."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.common.errors import UsageError
from scripts.train.config import DatasetConfig


@dataclass(frozen=True)
class Split:
    """Row numbers of each part."""

    train: list[int]
    validation: list[int]
    test: list[int]


def split_rows(data: Any, config: DatasetConfig, seed: int) -> Split:
    """Split rows of any kind, with `texts` and `groups`, by row, by group, or by sentence.

    Rows of `validation` and `test` whose text occurs in `train` too are left out.
    """
    if config.split_by == "sentence":
        return _split_by_sentence(data, config, seed)
    keys = data.groups if config.split_by == "group" else data.texts
    if len(keys) < len(data.texts):
        raise UsageError(f"datasets.{config.name}: split_by = 'group' needs group = COLUMN")
    parts = [_part(f"{seed}:{key}", config) for key in keys]
    train = [row for row, part in enumerate(parts) if part == "train"]
    seen = {data.texts[row] for row in train}
    held_out = [row for row, part in enumerate(parts) if part != "train"]
    fresh = [row for row in held_out if data.texts[row] not in seen]
    return Split(
        train,
        [row for row in fresh if parts[row] == "validation"],
        [row for row in fresh if parts[row] == "test"],
    )


def maximal_phrases(texts: Sequence[str]) -> list[str]:
    """Return the phrases that no other phrase contains: of a treebank, its sentences."""
    contained: set[int] = set()
    sentences = []
    for text in sorted(set(texts), key=lambda text: (-len(text.split()), text)):
        if hash(text) not in contained:
            sentences.append(text)
            contained.update(hash(phrase) for phrase in _phrases(text))
    return sentences


def _split_by_sentence(data: Any, config: DatasetConfig, seed: int) -> Split:
    texts = [" ".join(text.split()) for text in data.texts]
    parts = {text: _part(f"{seed}:{text}", config) for text in maximal_phrases(texts)}
    held_out = {
        phrase
        for sentence, part in parts.items()
        if part != "train"
        for phrase in _phrases(sentence)
    }
    rows = range(len(texts))
    return Split(
        [row for row in rows if texts[row] not in held_out],
        [row for row in rows if parts.get(texts[row]) == "validation"],
        [row for row in rows if parts.get(texts[row]) == "test"],
    )


def _phrases(sentence: str) -> Iterator[str]:
    words = sentence.split()
    for start in range(len(words)):
        for stop in range(start + 1, len(words) + 1):
            yield " ".join(words[start:stop])


def _part(key: str, config: DatasetConfig) -> str:
    share = int(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12], 16) / 16**12
    if share < config.validation:
        return "validation"
    return "test" if share < config.validation + config.test else "train"
