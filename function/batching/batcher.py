"""One model's queue and the batches that empty it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from function.batching.device import Device
from function.batching.fair_queue import FairQueue, Waiting
from function.batching.pending import Outcome, PendingRequest
from function.batching.reader import BatchReader
from function.core.tokenization import TokenIds


@dataclass(frozen=True)
class BatchLimits:
    """How windows are put together.

    tokens: padded tokens of one batch. call_tokens: what a call costs beside its tokens, in
    tokens. wait: seconds that a batch is held back while more requests are being tokenised.
    """

    tokens: int
    call_tokens: int
    wait: float


class Batcher:
    """Reads the windows of concurrent requests together.

    more_expected: whether requests are being tokenised that will soon be here.
    """

    def __init__(
        self,
        reader: BatchReader,
        device: Device,
        limits: BatchLimits,
        *,
        more_expected: Callable[[], bool],
    ) -> None:
        self._reader, self._device, self._limits = reader, device, limits
        self._more_expected = more_expected
        self._queue: FairQueue[PendingRequest] = FairQueue(limits.call_tokens)
        self._arrival = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dispatching = False

    @property
    def waiting(self) -> int:
        """Windows in the queue."""
        return len(self._queue)

    async def run(self, windows: Sequence[TokenIds]) -> Outcome:
        """Logits of one request's windows. Raises PredictionError. Cancelled, it leaves the
        queue."""
        request = PendingRequest(len(windows))
        self._queue.put(request, windows)
        self._arrival.set()
        if not self._dispatching:
            self._dispatching = True
            self._start(self._dispatch())
        try:
            return await request.outcome
        finally:
            self._queue.discard(request)

    async def _dispatch(self) -> None:
        while len(self._queue):
            await self._device.slots.acquire()
            await self._gather()
            batch = self._queue.take(self._limits.tokens)
            if batch:
                self._start(self._answer(batch))
            else:
                self._device.slots.release()
        self._dispatching = False

    async def _gather(self) -> None:
        """Hold a batch back while it is not full and more is about to come."""
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

    async def _answer(self, batch: Sequence[Waiting[PendingRequest]]) -> None:
        try:
            for waiting in batch:
                waiting.owner.begin()
            await self._reader.read(batch)
        finally:
            self._device.slots.release()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
