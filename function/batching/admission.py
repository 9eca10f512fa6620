"""Whom a server takes in: a bound on the windows that wait in it."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from function.core.errors import OverloadedError

WINDOW_CHARACTERS = 2_000  # about what fills a window; counts until a text is tokenised
LONGEST_RETRY = 30  # seconds


class Admission:
    """Counts the windows of requests but those that the model reads just now.

    limit: windows that may be held at once. A request of more is taken in where nothing else is.
    most: that one request may cost; no text's length can promise more.
    queued: those that stand in queues by now. seconds_per_window: of late.
    """

    def __init__(
        self,
        limit: int,
        most: int,
        queued: Callable[[], int],
        seconds_per_window: Callable[[], float],
    ) -> None:
        self._limit, self._most = limit, most
        self._queued, self._seconds_per_window = queued, seconds_per_window
        self._claimed = 0

    @property
    def held(self) -> int:
        """Windows that are not done with: those in queues, those of texts that are being tokenised
        or decoded, and those that explanations under way will ask for."""
        return self._claimed + self._queued()

    @contextmanager
    def admit(self, texts: Sequence[str]) -> Iterator["Claim"]:
        """Count a request while it lasts, by the length of its texts until more is known. Raises
        OverloadedError."""
        claim = Claim(self)
        guess = sum(math.ceil(len(text) / WINDOW_CHARACTERS) for text in texts)
        claim.amend(min(guess, self._most))
        try:
            yield claim
        finally:
            claim.amend(0)

    def check(self, before: int, after: int) -> None:
        """Raises OverloadedError where a claim grows and there is no room for that."""
        others = self.held - before
        if after > before and others and others + after > self._limit:
            raise self._overloaded()

    def count(self, windows: int) -> None:
        """So many more, or fewer, are claimed."""
        self._claimed += windows

    def _overloaded(self) -> OverloadedError:
        seconds = math.ceil(self.held * self._seconds_per_window())
        after = min(max(1, seconds), LONGEST_RETRY)
        return OverloadedError(
            f"{self.held} windows of text are waiting; try again in {after} s", after
        )


class Claim:
    """The windows of one request that no queue counts."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self._windows = admission, 0

    def amend(self, windows: int) -> None:
        """It is so many, as is known by now. Raises OverloadedError where that is more than it
        was, and there is no room for it."""
        self._admission.check(self._windows, windows)
        self._count(windows - self._windows)

    def queued(self, windows: int) -> None:
        """So many of them stand in a queue from now on, and are counted there."""
        self._count(-min(windows, self._windows))

    @contextmanager
    def decoding(self, windows: int) -> Iterator[None]:
        """So many came back from the model and wait to be decoded: they were let in, so there is
        room for them, and less for others."""
        self._count(windows)
        try:
            yield
        finally:
            self._count(-windows)

    def _count(self, windows: int) -> None:
        self._windows += windows
        self._admission.count(windows)
