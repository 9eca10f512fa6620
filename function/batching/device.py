"""What models run on, and whose time its calls take."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from function.core.backend import Logits
from function.core.reading import Run
from function.core.tokenization import TokenIds

KEPT = 0.9  # of what earlier calls count for, with each that follows


class Device:
    """Runs a few calls at once, each in a thread, for all models of a process.

    slots: to be acquired before a call and released after it.
    broken: whether a model failed even on what it had read before, as on a GPU after some faults.
    """

    def __init__(self, calls: int) -> None:
        """calls: how many may run at once."""
        self.slots = asyncio.Semaphore(calls)
        self.broken = False
        self._threads = ThreadPoolExecutor(calls, "model")
        self._ended = self._seconds = self._windows = 0.0

    @property
    def seconds_per_window(self) -> float:
        """Of its time, of late, whatever the model; 0 before it read any."""
        return self._seconds / self._windows if self._windows else 0.0

    async def call(self, run: Run, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        """Raises whatever the model's runtime does."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, windows)

    def count(self, begun: float, windows: int) -> None:
        """A call ends now that read so many windows, none where it failed. It took the time since
        it began, or since another one ended: so calls that run at once share the time, and none
        is counted twice."""
        now = time.perf_counter()
        self._seconds = KEPT * self._seconds + now - max(begun, self._ended)
        self._windows = KEPT * self._windows + windows
        self._ended = now
