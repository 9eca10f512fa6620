"""What models run on, and whose time its calls take."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from function.core.backend import Logits
from function.core.reading import Run
from function.core.tokenization import TokenIds


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
        self._ended = 0.0

    async def call(self, run: Run, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        """Raises whatever the model's runtime does."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, windows)

    def spent(self, begun: float) -> float:
        """Seconds of its time that a call took which ends now: since it began, or since another
        one ended. So calls that run at once share the time, and none is counted twice."""
        now = time.perf_counter()
        seconds, self._ended = now - max(begun, self._ended), now
        return seconds
