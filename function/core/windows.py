"""Windows of tokens: the pieces of texts that a model runs on, the same for training."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from function.core.backend import Logits
from function.core.cascade import FirstAnswer
from function.core.errors import BatchTooLargeError
from function.core.manifest import Tokenization
from function.core.predictions import Stage
from function.core.tokenization import (
    EncodedPair,
    EncodedText,
    LongText,
    TextTokenizer,
    TokenIds,
)
from function.core.types import Options

# Each window's logits, in the windows' order.
RunWindows = Callable[[Sequence[TokenIds]], Sequence[Logits]]


@dataclass(frozen=True)
class WindowedText:
    """Text and the windows in which the model runs on it.

    Attributes:
        spans: For each window, the token spans [start, stop) that it joins, in text order.
        windows: For each window, its token ids, special tokens included; none if the first stage
            of a cascade is sure of the text.
        first: The first stage's answer, where there is one.
    """

    encoded: EncodedText
    spans: list[list[tuple[int, int]]]
    windows: list[TokenIds]
    first: FirstAnswer | None = None

    @property
    def stage(self) -> Stage:
        """Return which stage answers the text."""
        return "full" if self.windows else "first"

    @property
    def positions(self) -> list[TokenIds]:
        """Return, for each window, the positions of its tokens in the text."""
        return [np.concatenate([np.arange(*span) for span in window]) for window in self.spans]

    @property
    def truncated(self) -> bool:
        """Return whether some token of the text is read by no stage."""
        if not self.windows:
            return False
        covered = 0
        for start, stop in chain.from_iterable(self.spans):
            if start > covered:
                return True
            covered = stop
        return covered < len(self.encoded.ids)

    @property
    def figures(self) -> dict[str, Any]:
        """Return the members of a `HeadPrediction`."""
        return {
            "tokens": len(self.encoded.ids),
            "words": self.encoded.words,
            "windows": len(self.windows),
            "truncated": self.truncated,
        }


@dataclass(frozen=True)
class ModelInputs:
    """Tokens and windows of the texts of one request."""

    texts: list[WindowedText]

    @property
    def windows(self) -> list[TokenIds]:
        """Return the windows of all texts, in order."""
        return [window for text in self.texts for window in text.windows]

    def by_text(self, outputs: Sequence[Logits]) -> Iterator[tuple[WindowedText, Sequence[Logits]]]:
        """Yield each text with the outputs of its own windows."""
        end = 0
        for text in self.texts:
            start, end = end, end + len(text.windows)
            yield text, outputs[start:end]

    def split(self) -> list["ModelInputs"]:
        """Return the inputs of each text by itself."""
        return [ModelInputs([text]) for text in self.texts]


def cut_pair(
    index: int,
    pair: EncodedPair,
    tokenizer: TextTokenizer,
    settings: Tokenization,
    options: Options,
) -> WindowedText:
    """Cut a pair to one window; raises BatchTooLargeError where options have all of it read."""
    window, spans = tokenizer.pair_window(pair, settings.max_tokens)
    text = WindowedText(pair, [spans], [window])
    if text.truncated and options.long_text == "window":
        raise BatchTooLargeError(
            f"pair {index} has {len(pair.ids)} tokens, and the model reads a pair in one "
            f"window of {settings.max_tokens}: send shorter texts, or have them truncated"
        )
    return text


def cut_text(
    encoded: EncodedText,
    tokenizer: TextTokenizer,
    settings: Tokenization,
    options: Options,
    first: FirstAnswer | None,
) -> WindowedText:
    """Cut a text into the windows that the full model reads."""
    spans = window_spans(
        len(encoded.ids),
        settings.max_tokens - tokenizer.special_tokens,
        settings.stride,
        options.long_text or settings.window,
        settings.max_windows,
    )
    windows = [
        tokenizer.with_special_tokens(*(encoded.ids[start:stop] for start, stop in window))
        for window in spans
    ]
    return WindowedText(encoded, spans, windows, first)


def window_spans(
    length: int, capacity: int, stride: int, long_text: LongText, max_windows: int
) -> list[list[tuple[int, int]]]:
    """Assign a text's content tokens to windows: return the spans (start, stop) that each joins.

    Windows have equal lengths and are spread evenly, so that the last one is never a stub. They
    hold up to `capacity` content tokens, of which neighbours share `stride`; text after
    `max_windows` is cut. `head_tail` joins two spans, the first quarter of the capacity and the
    last three quarters, after Sun et al. 2019, "How to Fine-Tune BERT for Text Classification", who
    keep 128 of 510 tokens as head.
    """
    if length <= capacity:
        return [[(0, length)]]
    if long_text == "truncate":
        return [[(0, capacity)]]
    if long_text == "head_tail":
        head = capacity // 4
        return [[(0, head), (length - (capacity - head), length)]]
    step = capacity - stride
    count = min(1 + -(-(length - capacity) // step), max_windows)
    covered = min(length, capacity + (count - 1) * step)
    starts = np.linspace(0, covered - capacity, count).round().astype(int)
    return [[(int(start), int(start) + capacity)] for start in starts]
