"""A run's record at a tracker, which costs little time and never fails the run."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import one_line
from scripts.tracking.tracker import Point, Status, Tracker

# Sending takes at most this part of the time, unless that would make the curves a minute old.
SHARE = 1 / 200
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class TrackedSteps:
    """A small file: by kind of tracker, its run and the last step that it has of each metric."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def runs(self) -> dict[str, str]:
        """Return the run of each kind of tracker that was used so far."""
        return {kind: known["run"] for kind, known in self._known.items()}

    def steps(self, tracker: Tracker) -> dict[str, int]:
        """Return the last step of each metric that the tracker's run has; none of a new run."""
        known = self._known.get(tracker.kind, {})
        return dict(known["steps"]) if known.get("run") == tracker.run else {}

    def keep(self, tracker: Tracker, steps: Mapping[str, int]) -> None:
        """Save, in one step: a kill leaves the old file or the new one."""
        if not tracker.run:
            return
        self._known[tracker.kind] = {"run": tracker.run, "steps": dict(steps)}
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._known, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self._path)


class Recording:
    """A run at an open tracker.

    Points wait and are sent together. What a tracker raises becomes one warning; its points wait
    for the next time, and at last for the end.
    """

    def __init__(
        self, tracker: Tracker, sent: TrackedSteps, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracker, self._sent, self._clock = tracker, sent, clock
        self._steps = sent.steps(tracker)
        self._waiting: list[Point] = []
        self._pause_ends = clock() + SHORTEST_PAUSE
        self._warned = False
        sent.keep(tracker, self._steps)

    def add(self, points: Sequence[Point]) -> None:
        """Record figures, except those of steps that the run already has."""
        for point in points:
            if point.step > self._steps.get(point.name, -1):
                self._steps[point.name] = point.step
                self._waiting.append(point)
        if self._waiting and self._clock() >= self._pause_ends:
            self._send()

    def attempt(self, action: Callable[[Tracker], None]) -> bool:
        """Call `action`; return False, and warn the first time, where it failed."""
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
        # A server that is down is asked rarely, however long training waits for each answer.
        self._pause_ends = now + (min(pause, LONGEST_PAUSE) if sent else pause)
        if sent:
            self._waiting = []
            self._sent.keep(self._tracker, self._steps)
