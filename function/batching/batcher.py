"""Queue of one model, and the batches that empty it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from function.batching.device import Device
from function.batching.fair_queue import FairQueue, QueuedWindow
from function.batching.pending import PendingRequest, RequestOutputs
from function.batching.runner import BatchRunner
from function.core.tokenization import TokenIds


@dataclass(frozen=True)
class BatchLimits:
    """Limits by which windows form batches.

    Attributes:
        tokens: Padded tokens of one batch.
        call_tokens: Fixed cost of one model call, in tokens.
        wait: Seconds to hold a batch back while more requests are being tokenised.
    """

    tokens: int
    call_tokens: int
    wait: float


class Batcher:
    """Queue and dispatcher of one model's batches, for the windows of concurrent requests."""

    def __init__(
        self,
        runner: BatchRunner,
        device: Device,
        limits: BatchLimits,
        *,
        more_expected: Callable[[], bool],
    ) -> None:
        """Create a batcher; `more_expected` returns whether tokenised requests will arrive soon."""
        self._runner, self._device, self._limits = runner, device, limits
        self._more_expected = more_expected
        self._queue: FairQueue[PendingRequest] = FairQueue(limits.call_tokens)
        self._arrival = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dispatching = False

    @property
    def waiting(self) -> int:
        """Return the number of windows in the queue."""
        return len(self._queue)

    async def run(self, windows: Sequence[TokenIds]) -> RequestOutputs:
        """Run one request's windows; raises PredictionError. Cancelled, they leave the queue.

        A request without windows, whose texts the first stage answered, waits for nothing.
        """
        if not windows:
            return RequestOutputs([], 0.0, 0.0)
        request = PendingRequest(len(windows))
        self._queue.put(request, windows)
        self._arrival.set()
        if not self._dispatching:
            self._dispatching = True
            self._start(self._dispatch())
        try:
            return await request.outputs
        finally:
            self._queue.discard(request)

    async def _dispatch(self) -> None:
        while len(self._queue):
            await self._device.slots.acquire()
            await self._gather()
            batch = self._queue.take(self._limits.tokens)
            if batch:
                self._start(self._run_batch(batch))
            else:
                self._device.slots.release()
        self._dispatching = False

    async def _gather(self) -> None:
        """Hold a batch back while it is not full and more windows are expected."""
        until = time.perf_counter() + self._limits.wait
        while self._more_expected() and self._queue.tokens < self._limits.tokens:
            left = until - time.perf_counter()
            if left <= 0:
                return
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), left)
            except TimeoutError:
                return

    async def _run_batch(self, batch: Sequence[QueuedWindow[PendingRequest]]) -> None:
        try:
            for entry in batch:
                entry.owner.begin()
            await self._runner.run(batch)
        finally:
            self._device.slots.release()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
