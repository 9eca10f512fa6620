"""Texts as a model reads them: tokens, and the windows that these are cut into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from function.core.backend import Logits
from function.core.tokenization import EncodedText, TokenIds

Run = Callable[[Sequence[TokenIds]], Sequence[Logits]]


@dataclass(frozen=True)
class WindowedText:
    """A text and the windows in which the model reads it.

    spans: of each window, the stretches of the text's tokens that it joins, in reading order.
    windows: their ids between the model's special tokens.
    """

    encoded: EncodedText
    spans: list[list[tuple[int, int]]]
    windows: list[TokenIds]

    @property
    def positions(self) -> list[TokenIds]:
        """Of each window, which of the text's tokens stand in it."""
        return [np.concatenate([np.arange(*span) for span in window]) for window in self.spans]

    @property
    def truncated(self) -> bool:
        read = 0
        for start, stop in chain.from_iterable(self.spans):
            if start > read:
                return True
            read = stop
        return read < len(self.encoded.ids)


@dataclass(frozen=True)
class Reading:
    """The texts of one request, tokenised, and cut into what the model reads at a time."""

    texts: list[WindowedText]

    @property
    def windows(self) -> list[TokenIds]:
        """Those of all texts, in order."""
        return [window for text in self.texts for window in text.windows]

    def apart(self) -> list["Reading"]:
        """Each text by itself."""
        return [Reading([text]) for text in self.texts]
