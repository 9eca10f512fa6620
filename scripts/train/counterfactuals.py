"""Counterfactual texts: groups that differ in a name, a country or a gender alone.

A model should answer all texts of a group alike (Kaushik et al. 2020, "Learning the Difference that
Makes a Difference with Counterfactually-Augmented Data"). They come from templates with slots, and
from texts in which words are swapped. The same seed gives the same texts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from scripts.common.progress import log
from scripts.common.settings_file import check_settings, read_toml
from scripts.train.config import TrainConfig

BUILT_IN = Path(__file__).parent / "data" / "counterfactuals.toml"
SLOT = re.compile(r"\{(name|country|person)\}")


class WordLists(BaseModel):
    """The words that are swapped, and the templates.

    Attributes:
        templates: short texts with slots: `{name}`, `{country}`, `{person}`.
        countries: fill `{country}`, and stand for one another in texts.
        people: fill `{person}`.
        genders: pairs of words that stand for one another, in any casing.
        names: by origin; fill `{name}`, and stand for one another in texts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    templates: list[str] = []
    countries: list[str] = Field(min_length=2)
    people: list[str] = Field(min_length=2)
    genders: list[tuple[str, str]] = []
    names: dict[str, list[str]] = Field(min_length=2)

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
        swapper = Swapper.of(words)
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


@dataclass(frozen=True)
class Swapper:
    """Changes the names, countries and gender words of texts."""

    pattern: re.Pattern[str]
    lists: Mapping[str, Sequence[str]]  # by a name or a country, those that may stand for it
    genders: Mapping[str, str]  # in lower case

    @classmethod
    def of(cls, words: WordLists) -> "Swapper":
        lists = dict.fromkeys(words.every_name, words.every_name)
        lists |= dict.fromkeys(words.countries, words.countries)
        genders = {own: other for pair in words.genders for own, other in (pair, pair[::-1])}
        plain = "|".join(map(re.escape, sorted(lists, key=len, reverse=True)))
        folded = "|".join(map(re.escape, sorted(genders, key=len, reverse=True)))
        return cls(re.compile(rf"\b(?:({plain})|((?i:{folded or '(?!)'})))\b"), lists, genders)

    def versions(self, text: str, count: int, draw: np.random.Generator) -> list[str]:
        """Return other versions of a text, at most `count`; none where it has no such word.

        Within a version a word always becomes the same other one.
        """
        found = {match[1] for match in self.pattern.finditer(text) if match[1]}
        versions = []
        for number in range(count):
            others = {word: str(draw.choice(self.lists[word])) for word in sorted(found)}
            # Every other version keeps the genders, so that a name differs alone.
            swap = self._swap(others, genders=number % 2 == 0)
            versions.append(self.pattern.sub(swap, text))
        return [each for each in dict.fromkeys(versions) if each != text]

    def _swap(self, others: Mapping[str, str], *, genders: bool) -> Callable[[re.Match[str]], str]:
        def swapped(match: re.Match[str]) -> str:
            if match[1]:
                return others[match[1]]
            if not genders:
                return match[2]
            other = self.genders[match[2].lower()]
            if match[2].isupper() and len(match[2]) > 1:
                return other.upper()
            return other.capitalize() if match[2][0].isupper() else other

        return swapped
