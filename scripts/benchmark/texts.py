"""Texts to measure with: a sample of real reviews, or made-up ones of the same lengths."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from scripts.common.errors import DataError

SEED = 17
GROUP = 16  # texts in a row that are together as long as any other 16
# Words a review in the Large Movie Review Dataset: the median, and the spread of the logarithm.
MEDIAN_WORDS, LOG_SPREAD, WORDS = 171, 0.65, range(40, 1001)
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

PHRASES = """
the plot, this film, the leading actress, her brother, every scene, the soundtrack, a detective,
the director, its ending, the dialogue, nobody here, the screenplay

never quite explains, slowly reveals, wastes, cheerfully borrows, deserves, barely survives,
overshadows, reminds me of, takes its time with, almost ruins

a clumsy romance, the nineteenth-century setting, the best performance of his career,
an unconvincing twist, the audience's patience, a surprisingly tender moment,
those endless car chases, the original novel, its modest budget, all of the suspense

which I didn't expect, and that's a pity, although it hardly matters, even after a second viewing,
with considerable charm, for about twenty minutes, like most sequels do, and it shows
"""
SUBJECTS, VERBS, OBJECTS, ADDITIONS = (
    re.split(r",\s", part) for part in PHRASES.strip().split("\n\n")
)


@dataclass(frozen=True)
class Texts:
    """Texts, and their source as the page names it."""

    source: str
    texts: list[str]


def sample(data: Path | None, count: int) -> Texts:
    """Return a seeded sample of a Parquet file's column `text`, or as many made-up reviews.

    HTML line breaks become spaces: ours reads them so anyway, a plain pipeline does not, and both
    shall read the same tokens. Raises DataError.
    """
    if data is None:
        return Texts(
            "made-up English reviews, as long as those of the Large Movie Review Dataset "
            f"(a log-normal number of words, median {MEDIAN_WORDS}), from seed {SEED}",
            made_up(count),
        )
    texts = [BREAK.sub(" ", text) for text in _read(data) if text.strip()]
    if len(texts) < count:
        raise DataError(f"{data}: {len(texts)} texts, {count} are needed")
    chosen = random.Random(SEED).sample(texts, count)  # noqa: S311 -- no secret
    return Texts(f"{count} texts of {data.name}, drawn with seed {SEED}", chosen)


def made_up(count: int, seed: int = SEED) -> list[str]:
    """Return generated reviews, the same ones for each seed."""
    draw = random.Random(seed)  # noqa: S311 -- no secret
    return [_review(draw) for _ in range(count)]


def closest(texts: Sequence[str], tokens: Sequence[int], target: int, count: int) -> list[str]:
    """Return the texts whose number of tokens is nearest to a target."""
    order = sorted(range(len(texts)), key=lambda index: abs(tokens[index] - target))
    return [texts[index] for index in order[:count]]


def mix_lengths(texts: Sequence[str], tokens: Sequence[int], group: int = GROUP) -> list[str]:
    """Return the texts in an order in which each `group` of them holds short and long ones alike.

    So the texts of any few seconds cost about the same.
    """
    draw = random.Random(SEED)  # noqa: S311 -- no secret
    order = sorted(range(len(texts)), key=tokens.__getitem__)
    edges = [len(texts) * number // group for number in range(group + 1)]
    piles = [order[start:stop] for start, stop in pairwise(edges)]
    for pile in piles:
        draw.shuffle(pile)
    chosen: list[str] = []
    while any(piles):
        row = [texts[pile.pop()] for pile in piles if pile]
        draw.shuffle(row)
        chosen += row
    return chosen


def _review(draw: random.Random) -> str:
    wanted = round(math.exp(draw.gauss(math.log(MEDIAN_WORDS), LOG_SPREAD)))
    wanted = min(max(wanted, WORDS.start), WORDS.stop - 1)
    words: list[str] = []
    while len(words) < wanted:
        parts = [draw.choice(SUBJECTS), draw.choice(VERBS), draw.choice(OBJECTS)]
        sentence = " ".join(parts).capitalize()
        if draw.random() < 0.5:
            sentence += f", {draw.choice(ADDITIONS)}"
        words += f"{sentence}.".split()
    return " ".join(words[:wanted])


def _read(data: Path) -> list[str]:
    from scripts.data.labelled_texts import read_texts

    return read_texts(data)
