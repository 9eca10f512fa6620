"""Which words made the model think so: occlusion, bounded in cost.

A word's weight comes from leaving it out and reading again. A short text tries each word. A long
one first tries groups of neighbouring words, then the single words of the groups that mattered
most. Either way a text costs at most `ROWS` extra windows, however long it is, plus one for each
window that it has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from function.core.tokenization import EncodedText, TokenIds
from function.core.types import Highlight

ROWS = 64
GROUPS = ROWS // 2

LogOdds = npt.NDArray[np.float64]
Score = Callable[[Sequence[TokenIds]], LogOdds]


@dataclass(frozen=True)
class _Word:
    """Token positions [start, stop) of one word, in the text."""

    start: int
    stop: int


@dataclass(frozen=True)
class _Window:
    """Content token positions of one window, and what the model says of it."""

    positions: npt.NDArray[np.int64]
    log_odds: float


def cost(text: EncodedText, windows: int) -> int:
    """The most windows that explaining reads of a text that has so many: these again, and one for
    each word or group of words that is left out."""
    return windows + min(text.words, ROWS)


def explain(text: EncodedText, positions: Sequence[TokenIds], score: Score) -> list[Highlight]:
    """Weigh the words of a text for the label whose log-odds `score` gives.

    positions: of each window, its tokens' places. score: windows of content tokens to log-odds.
    Highlights come in reading order. A weight is 2σ(d) − 1, where d is the log-odds that the
    label loses without the word: the probability it would gain from an undecided model, doubled.
    """
    whole = score([text.ids[window] for window in positions])
    windows = [_Window(p, float(s)) for p, s in zip(positions, whole, strict=True)]
    words = _words(text, np.unique(np.concatenate(positions)))
    if not words:
        return []
    if len(words) > ROWS:
        groups = [list(group) for group in np.array_split(np.array(words, dtype=object), GROUPS)]
        losses = _losses(text, windows, groups, score)
        words = _most_telling(groups, losses, ROWS - GROUPS)
    weights = _losses(text, windows, [[word] for word in words], score)
    return [
        Highlight(
            start=text.offsets[word.start][0],
            end=text.offsets[word.stop - 1][1],
            weight=float(np.tanh(weight / 2)),
        )
        for word, weight in sorted(zip(words, weights, strict=True), key=lambda pair: pair[0].start)
    ]


def _words(text: EncodedText, read: npt.NDArray[np.int64]) -> list[_Word]:
    """Words that some window read, without those that are punctuation alone."""
    if not len(read):
        return []
    ids = text.word_ids[read]
    breaks = np.flatnonzero((np.diff(ids) != 0) | (np.diff(read) != 1)) + 1
    runs = np.split(read, breaks)
    return [
        _Word(int(run[0]), int(run[-1]) + 1)
        for run in runs
        if text.is_word(int(run[0]), int(run[-1]) + 1)
    ]


def _most_telling(groups: Sequence[list[_Word]], losses: LogOdds, budget: int) -> list[_Word]:
    """Words of the groups that changed the answer most, as many as the budget allows."""
    chosen: list[_Word] = []
    for index in np.argsort(-np.abs(losses)):
        chosen += groups[index][: budget - len(chosen)]
        if len(chosen) >= budget:
            break
    return chosen


def _losses(
    text: EncodedText, windows: Sequence[_Window], groups: Sequence[list[_Word]], score: Score
) -> LogOdds:
    """Log-odds the label loses when each group is left out of the first window that reads it."""
    rows, before = [], []
    for group in groups:
        left_out = np.concatenate([np.arange(word.start, word.stop) for word in group])
        window = next(w for w in windows if np.isin(left_out[0], w.positions))
        rows.append(text.ids[np.setdiff1d(window.positions, left_out)])
        before.append(window.log_odds)
    return np.array(before) - score(rows)
