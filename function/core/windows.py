"""Windows of tokens: the pieces of texts that a model runs on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from function.core.backend import Logits
from function.core.cascade import FirstAnswer
from function.core.tokenization import EncodedText, TokenIds
from function.core.types import Stage

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
