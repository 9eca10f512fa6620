"""A run's record at a tracker, kept at next to no cost and never at the cost of the run."""

import sys
import time
from collections.abc import Callable, Sequence

from scripts.lifecycle.tracking.choice import one_line
from scripts.lifecycle.tracking.memory import Memory
from scripts.lifecycle.tracking.tracker import Point, Status, Tracker

# Sending takes at most this part of the time, unless that would make the curves a minute old.
SHARE = 1 / 200
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Recording:
    """Passes a run on to an open tracker.

    Points wait and are sent together. What a tracker raises becomes one warning; its points wait
    for the next time, and at last for the end.
    """

    def __init__(
        self, tracker: Tracker, memory: Memory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracker, self._memory, self._clock = tracker, memory, clock
        self._steps = memory.steps(tracker)
        self._waiting: list[Point] = []
        self._pause_ends = clock() + SHORTEST_PAUSE
        self._warned = False
        memory.keep(tracker, self._steps)

    def add(self, points: Sequence[Point]) -> None:
        """Record figures, except those of steps that the run already has."""
        for point in points:
            if point.step > self._steps.get(point.name, -1):
                self._steps[point.name] = point.step
                self._waiting.append(point)
        if self._waiting and self._clock() >= self._pause_ends:
            self._send()

    def attempt(self, action: Callable[[Tracker], None]) -> bool:
        """Do something with the tracker; False where that failed, with a warning the first time."""
        try:
            action(self._tracker)
        except Exception as error:  # whatever it is, hours of training are worth more
            if not self._warned:
                reason = f"{self._tracker.kind}: {one_line(error)}"
                print(f"warning: tracking: {reason}; the run goes on", file=sys.stderr, flush=True)
            self._warned = True
            return False
        return True

    def finish(self, status: Status) -> None:
        """Send what waits and end the run."""
        if self._waiting:
            self._send()
        self.attempt(lambda tracker: tracker.finish(status))

    def _send(self) -> None:
        began = self._clock()
        sent = self.attempt(lambda tracker: tracker.metrics(self._waiting))
        now = self._clock()
        pause = max((now - began) / SHARE, SHORTEST_PAUSE)
        # A server that is down is asked rarely, however long each answer keeps training waiting.
        self._pause_ends = now + (min(pause, LONGEST_PAUSE) if sent else pause)
        if sent:
            self._waiting = []
            self._memory.keep(self._tracker, self._steps)
