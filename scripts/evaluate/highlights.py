"""Check of highlights: leaving out the highlighted words must matter more than random words.

After the comprehensiveness of DeYoung et al. 2020, "ERASER", compared with random words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from function.core.predictions import Prediction
from function.core.predictor import Predictor
from function.core.types import Options
from scripts.common.progress import Progress

WORDS = 5
LEAST_WORDS = 10  # of a text; in shorter ones, five random words are the top ones too often

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class HighlightCheck:
    """The share of texts where the top words matter more than random ones.

    They do where leaving them out lowers the answered label's score more.
    """

    texts: int  # that were long enough to judge
    share: float


def check_highlights(predictor: Predictor, texts: Sequence[str], seed: int = 3) -> HighlightCheck:
    """Explain each text, then run it without its five top words, and without five random ones."""
    generator = np.random.default_rng(seed)
    outcomes: list[bool] = []
    with Progress("highlights", len(texts)) as progress:
        for text in texts:
            words = _words(predictor, text)
            if len(words) >= LEAST_WORDS:
                drawn = generator.choice(len(words), WORDS, replace=False)
                outcomes.append(_beats(predictor, text, [words[index] for index in drawn]))
            progress.advance(1)
    return HighlightCheck(len(outcomes), sum(outcomes) / max(1, len(outcomes)))


def _beats(predictor: Predictor, text: str, at_random: Spans) -> bool:
    (prediction,) = predictor.classify([text], Options(explain=True))
    top = sorted(prediction.highlights or (), key=lambda found: -found.weight)[:WORDS]
    shorter = [without(text, [(found.start, found.end) for found in top]), without(text, at_random)]
    by_top, by_chance = predictor.classify(shorter)
    return _score(by_top, prediction.label) < _score(by_chance, prediction.label)


def _words(predictor: Predictor, text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every word that is more than punctuation."""
    encoded = predictor.tokenise(text)
    spans: dict[int, tuple[int, int]] = {}
    for position, (word, (start, end)) in enumerate(
        zip(encoded.word_ids, encoded.offsets, strict=True)
    ):
        if encoded.is_word(position, position + 1):
            spans[int(word)] = (spans.get(int(word), (start, end))[0], end)
    return list(spans.values())


def without(text: str, spans: Spans) -> str:
    """Return a text less some stretches of it."""
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return text


def _score(prediction: Prediction, label: str) -> float:
    return next(entry.score for entry in prediction.scores if entry.label == label)
