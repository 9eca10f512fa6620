"""Admission of requests: a limit on the windows that a server holds."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from function.core.errors import LateError, OverloadedError
from function.core.tokenization import Text

WINDOW_CHARACTERS = 2_000  # estimated characters per window, used until a text is tokenised
MAX_RETRY_SECONDS = 30


class Admission:
    """Counter of all requests' windows, except those that the model is running."""

    def __init__(
        self,
        limit: int,
        most: int,
        queued: Callable[[], int],
        seconds_per_window: Callable[[], float],
    ) -> None:
        """Create a counter at zero.

        Args:
            limit: Windows held at once. A larger request is admitted if nothing else is held.
            most: Limit on the windows of one request, which also bounds its estimate.
            queued: Returns the number of windows in the queues.
            seconds_per_window: Returns the recent time per window.
        """
        self._limit, self._most = limit, most
        self._queued, self._seconds_per_window = queued, seconds_per_window
        self._claimed = 0

    @property
    def held(self) -> int:
        """Return the number of unfinished windows.

        Those are windows in queues, windows of texts that are being tokenised or decoded, and
        windows that explanations in progress have yet to submit.
        """
        return self._claimed + self._queued()

    @contextmanager
    def admit(self, texts: Sequence[Text]) -> Iterator["Claim"]:
        """Count a request for its duration, by the length of its texts until its claim is updated.

        That estimate also bounds the texts that are tokenised at once, and so includes those that
        a first stage may answer: a full queue refuses them too.
        Raises OverloadedError if there is no room.
        """
        claim = Claim(self)
        estimate = sum(math.ceil(len(text) / WINDOW_CHARACTERS) for text in texts)
        claim.update(min(estimate, self._most))
        try:
            yield claim
        finally:
            claim.update(0)

    def require_room(self, before: int, after: int) -> None:
        """Raise OverloadedError unless a claim may grow from `before` to `after` windows."""
        others = self.held - before
        if after > before and others and others + after > self._limit:
            raise self._overloaded()

    def add(self, windows: int) -> None:
        """Add claimed windows; a negative number removes them."""
        self._claimed += windows

    def late(self, what: str) -> LateError:
        """Return the error of a request that took too long."""
        after = self._retry_seconds()
        return LateError(f"{what}: send fewer texts, or try again in {after} s", after)

    def _overloaded(self) -> OverloadedError:
        after = self._retry_seconds()
        return OverloadedError(
            f"{self.held} windows of text are waiting; try again in {after} s", after
        )

    def _retry_seconds(self) -> int:
        seconds = math.ceil(self.held * self._seconds_per_window())
        return min(max(1, seconds), MAX_RETRY_SECONDS)


class Claim:
    """Windows of one request that are in no queue."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self._windows = admission, 0

    def update(self, windows: int) -> None:
        """Replace the claim by a better estimate; raises OverloadedError if there is no room."""
        self._admission.require_room(self._windows, windows)
        self._add(windows - self._windows)

    def move_to_queue(self, windows: int) -> None:
        """Release windows that enter a queue, which counts them from now on."""
        self._add(-min(windows, self._windows))

    @contextmanager
    def decoding(self, windows: int) -> Iterator[None]:
        """Count windows that have run while they are decoded.

        They were admitted, so they always have room; they leave less for others.
        """
        self._add(windows)
        try:
            yield
        finally:
            self._add(-windows)

    def _add(self, windows: int) -> None:
        self._windows += windows
        self._admission.add(windows)
