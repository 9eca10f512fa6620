"""Weights of words for a label: occlusion at a bounded cost.

To weigh a word, remove it and run the model again. A short text tries each word. A long one first
tries groups of neighbouring words, then single words of the groups with the largest effect. A text
of any length costs at most `ROWS` extra windows, plus one for each of its own windows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from function.core.predictions import Highlight
from function.core.tokenization import EncodedText, TokenIds

ROWS = 64  # windows with words removed
GROUPS = ROWS // 2

LogOdds = npt.NDArray[np.float64]
ScoreWindows = Callable[[Sequence[TokenIds]], LogOdds]


@dataclass(frozen=True)
class _Word:
    """Token positions [start, stop) of one word in the text."""

    start: int
    stop: int


@dataclass(frozen=True)
class _Window:
    """Positions of one window's content tokens, and the label's log-odds in it."""

    positions: npt.NDArray[np.int64]
    log_odds: float


def window_cost(text: EncodedText, windows: int) -> int:
    """Return the most windows that `explain` runs for a text.

    Those are the text's own windows again, and one for each word or group of words removed.
    """
    return windows + min(text.words, ROWS)


def explain(
    text: EncodedText, positions: Sequence[TokenIds], score: ScoreWindows
) -> list[Highlight]:
    """Weigh the words of a text for one label, in text order.

    A weight is 2σ(d) − 1, where d is the log-odds that the label loses without the word: twice the
    probability that the word would add if the model were undecided. `positions` are those of each
    window's tokens; `score` returns the label's log-odds for windows of content tokens.
    """
    whole = score([text.ids[window] for window in positions])
    windows = [_Window(p, float(s)) for p, s in zip(positions, whole, strict=True)]
    words = _words(text, np.unique(np.concatenate(positions)))
    if not words:
        return []
    if len(words) > ROWS:
        groups = [list(group) for group in np.array_split(np.array(words, dtype=object), GROUPS)]
        losses = _losses(text, windows, groups, score)
        words = _most_weighty(groups, losses, ROWS - GROUPS)
    weights = _losses(text, windows, [[word] for word in words], score)
    return [
        Highlight(
            start=text.offsets[word.start][0],
            end=text.offsets[word.stop - 1][1],
            weight=float(np.tanh(weight / 2)),
        )
        for word, weight in sorted(zip(words, weights, strict=True), key=lambda pair: pair[0].start)
    ]


def _words(text: EncodedText, covered: TokenIds) -> list[_Word]:
    """Return the words at the covered token positions, except punctuation."""
    if not len(covered):
        return []
    ids = text.word_ids[covered]
    breaks = np.flatnonzero((np.diff(ids) != 0) | (np.diff(covered) != 1)) + 1
    runs = np.split(covered, breaks)
    return [
        _Word(int(run[0]), int(run[-1]) + 1)
        for run in runs
        if text.is_word(int(run[0]), int(run[-1]) + 1)
    ]


def _most_weighty(groups: Sequence[list[_Word]], losses: LogOdds, budget: int) -> list[_Word]:
    """Return at most `budget` words, from the groups with the largest effect first."""
    chosen: list[_Word] = []
    for index in np.argsort(-np.abs(losses)):
        chosen += groups[index][: budget - len(chosen)]
        if len(chosen) >= budget:
            break
    return chosen


def _losses(
    text: EncodedText,
    windows: Sequence[_Window],
    groups: Sequence[list[_Word]],
    score: ScoreWindows,
) -> LogOdds:
    """Return the log-odds that the label loses without each group, in its first window."""
    rows, before = [], []
    for group in groups:
        removed = np.concatenate([np.arange(word.start, word.stop) for word in group])
        window = next(w for w in windows if np.isin(removed[0], w.positions))
        rows.append(text.ids[np.setdiff1d(window.positions, removed)])
        before.append(window.log_odds)
    return np.array(before) - score(rows)
