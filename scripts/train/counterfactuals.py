"""Counterfactual texts: groups that differ in a name, a country or a gender alone.

A model should answer all texts of a group alike (Kaushik et al. 2020, "Learning the Difference that
Makes a Difference with Counterfactually-Augmented Data"). They come from templates with slots, and
from texts in which words are swapped. The same seed gives the same texts.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from scripts.common.progress import log
from scripts.common.settings_file import check_settings, read_toml
from scripts.train.config import TrainConfig

BUILT_IN = Path(__file__).parent / "data" / "counterfactuals.toml"
SLOT = re.compile(r"\{(name|country|person)\}")


class WordLists(BaseModel):
    """The words that fill slots or stand for one another in texts, and the templates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    templates: list[str] = []  # short texts with slots: `{name}`, `{country}`, `{person}`
    countries: list[str] = Field(min_length=2)  # in slots and in texts
    people: list[str] = Field(min_length=2)  # in slots alone
    genders: list[tuple[str, str]] = []  # pairs, in texts alone, in any casing
    names: dict[str, list[str]] = Field(min_length=2)  # by origin, in slots and in texts

    @property
    def every_name(self) -> list[str]:
        """The names of all origins."""
        return [name for names in self.names.values() for name in names]


def read_words(path: Path = BUILT_IN) -> WordLists:
    """Read a TOML file. Raises UsageError with the first wrong key."""
    return check_settings(WordLists, read_toml(path), f"{path}: ")


def counterfactual_groups(config: TrainConfig, texts: Sequence[str]) -> list[list[str]]:
    """Return the groups that `[counterfactuals]` asks for, of templates and of these texts."""
    settings = config.counterfactuals
    if settings is None:
        return []
    words = read_words(Path(settings.words) if settings.words else BUILT_IN)
    draw = np.random.default_rng((config.seed, settings.fills))
    filled = [fill_template(words, template, settings.fills, draw) for template in words.templates]
    swapped: list[list[str]] = []
    if settings.reviews:
        swapper = Swapper(words)
        for row in np.random.default_rng(config.seed).permutation(len(texts)).tolist():
            versions = swapper.versions(texts[row], settings.swaps, draw)
            if versions:
                swapped.append([texts[row], *versions])
            if len(swapped) == settings.reviews:
                break
    log(
        f"counterfactuals: {sum(map(len, filled)):,} texts of {len(filled)} templates, "
        f"{len(swapped):,} of {settings.reviews:,} texts with {settings.swaps} swaps each"
    )
    return [group for group in [*filled, *swapped] if group]


def fill_template(
    words: WordLists, template: str, fills: int, draw: np.random.Generator
) -> list[str]:
    """Return a template's text with different words in its slots, each text once."""
    lists = {"name": words.every_name, "country": words.countries, "person": words.people}

    def text() -> str:
        return SLOT.sub(lambda slot: str(draw.choice(lists[slot[1]])), template)

    return list(dict.fromkeys(text() for _ in range(fills)))


class Swapper:
    """Changes the names, countries and gender words of texts."""

    def __init__(self, words: WordLists) -> None:
        """Prepare the search for the words: gender words in any casing, the others as they are."""
        self._lists = dict.fromkeys(words.every_name, words.every_name)
        self._lists |= dict.fromkeys(words.countries, words.countries)
        self._genders = {own: other for pair in words.genders for own, other in (pair, pair[::-1])}
        plain, genders = ("|".join(map(re.escape, each)) for each in (self._lists, self._genders))
        self._pattern = re.compile(rf"\b(?:({plain})|((?i:{genders or '(?!)'})))\b")

    def versions(self, text: str, count: int, draw: np.random.Generator) -> list[str]:
        """Return other versions of a text, at most `count`; none where it has no such word.

        Within a version a word always becomes the same other one.
        """
        found = sorted({match[1] for match in self._pattern.finditer(text) if match[1]})
        versions = []
        for number in range(count):
            others = {word: str(draw.choice(self._lists[word])) for word in found}
            # Every other version keeps the genders, so that a name differs alone.
            swap = partial(self._swapped, others, genders=number % 2 == 0)
            versions.append(self._pattern.sub(swap, text))
        return [each for each in dict.fromkeys(versions) if each != text]

    def _swapped(self, others: Mapping[str, str], match: re.Match[str], *, genders: bool) -> str:
        word = match[0]
        if match[1] or not genders:
            return others.get(word, word)
        other = self._genders[word.lower()]
        if word.isupper():
            return other.upper()
        return other.capitalize() if word[0].isupper() else other
