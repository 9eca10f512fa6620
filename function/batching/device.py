"""Device that models run on, and the time that its calls take."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from function.core.backend import Logits
from function.core.tokenization import TokenIds
from function.core.windows import RunWindows

DECAY = 0.9  # factor on the weight of earlier calls with each new call


class Device:
    """Threads for a few model calls at once, shared by all models of a process.

    Acquire a slot before a call, release it after. The device is `broken` once a model failed on a
    window that it had run before, as after some faults of a GPU.
    """

    def __init__(self, calls: int) -> None:
        """Create a device that runs `calls` model calls at once."""
        self.slots = asyncio.Semaphore(calls)
        self.broken = False
        self._threads = ThreadPoolExecutor(calls, "model")
        self._ended = self._seconds = self._windows = 0.0

    @property
    def seconds_per_window(self) -> float:
        """Return the recent device time per window, over all models; 0 before the first call."""
        return self._seconds / self._windows if self._windows else 0.0

    async def call(self, run: RunWindows, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        """Run windows in a thread; raises any exception of the model's runtime."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, windows)

    def record_call(self, begun: float, windows: int) -> float:
        """Record a call that ends now and began at `time.perf_counter`; 0 windows if it failed.

        It is charged the time since it began, or since another one ended if that is later. So
        calls that overlap share their time, and no time counts twice. Returns those seconds.
        """
        now = time.perf_counter()
        seconds = now - max(begun, self._ended)
        self._seconds = DECAY * self._seconds + seconds
        self._windows = DECAY * self._windows + windows
        self._ended = now
        return seconds
