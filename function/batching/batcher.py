"""One model's queue and the calls that empty it."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from function.batching.fair_queue import FairQueue, Waiting
from function.core.backend import Logits
from function.core.errors import PredictionError
from function.core.reading import Run
from function.core.tokenization import TokenIds

RECENT = 0.1  # the weight of a new figure in a running mean


@dataclass(frozen=True)
class BatchLimits:
    """How windows are put together.

    tokens: padded tokens of one batch. call_tokens: what a call costs beside its tokens, in
    tokens. wait: seconds that a batch is held back while more requests are being tokenised.
    """

    tokens: int
    call_tokens: int
    wait: float


@dataclass(frozen=True)
class Batch:
    """One call of the model, as it is told to whoever watches."""

    windows: int
    tokens: int
    padded_tokens: int
    seconds: float
    failed: bool


@dataclass(frozen=True)
class Outcome:
    """The logits of each window of one request, and seconds that it waited and was read."""

    logits: Sequence[Logits]
    queued: float
    read: float


class _Request:
    """One request's windows on their way through batches."""

    def __init__(self, count: int) -> None:
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._rows: list[Logits | None] = [None] * count
        self._missing = count
        self._put, self._begun = time.perf_counter(), math.nan

    def begin(self) -> None:
        if math.isnan(self._begun):
            self._begun = time.perf_counter()

    def fill(self, place: int, row: Logits) -> None:
        self._rows[place] = row
        self._missing -= 1
        if not self._missing and not self.outcome.done():
            rows = [row for row in self._rows if row is not None]
            done = time.perf_counter()
            self.outcome.set_result(Outcome(rows, self._begun - self._put, done - self._begun))

    def fail(self, error: PredictionError) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


class Batcher:
    """Reads the windows of concurrent requests together.

    run: the model. slots: how many calls may run at once, shared by all models of a process.
    more_expected: whether requests are being tokenised that will soon be here.
    watch: is told of every call.

    broken: whether the model fails even on what it read before, as a GPU does after some faults.
    """

    def __init__(
        self,
        run: Run,
        executor: Executor,
        slots: asyncio.Semaphore,
        limits: BatchLimits,
        *,
        more_expected: Callable[[], bool],
        watch: Callable[[Batch], None],
    ) -> None:
        self._run, self._executor, self._slots, self._limits = run, executor, slots, limits
        self._more_expected, self._watch = more_expected, watch
        self._queue: FairQueue[_Request] = FairQueue(limits.call_tokens)
        self._arrival = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dispatching = False
        self._seconds_per_token = 0.0
        self._readable: TokenIds | None = None
        self.broken = False

    @property
    def waiting(self) -> int:
        """Windows in the queue."""
        return len(self._queue)

    @property
    def seconds_to_empty(self) -> float:
        """How long what waits will take, as fast as it went of late."""
        return self._queue.tokens * self._seconds_per_token

    async def run(self, windows: Sequence[TokenIds]) -> Outcome:
        """Logits of one request's windows. Raises PredictionError. Cancelled, it leaves the
        queue."""
        request = _Request(len(windows))
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
            await self._slots.acquire()
            await self._gather()
            batch = self._queue.take(self._limits.tokens)
            if batch:
                self._start(self._answer(batch))
            else:
                self._slots.release()
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

    async def _answer(self, batch: Sequence[Waiting[_Request]]) -> None:
        try:
            for waiting in batch:
                waiting.owner.begin()
            await self._read(batch)
        finally:
            self._slots.release()

    async def _read(self, batch: Sequence[Waiting[_Request]]) -> None:
        """Run a batch; where it fails, its halves, until what fails is alone."""
        batch = [waiting for waiting in batch if not waiting.owner.outcome.done()]
        if not batch:
            return
        try:
            logits = await self._call([waiting.window for waiting in batch])
        except PredictionError as error:
            if len(batch) == 1:
                batch[0].owner.fail(error)
                await self._check()
                return
            half = len(batch) // 2
            await self._read(batch[:half])
            await self._read(batch[half:])
            return
        self._readable = batch[0].window
        for waiting, row in zip(batch, logits, strict=True):
            waiting.owner.fill(waiting.place, row)

    async def _check(self) -> None:
        if self._readable is not None and not self.broken:
            try:
                await self._call([self._readable])
            except PredictionError:
                self.broken = True

    async def _call(self, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        begun, failed = time.perf_counter(), True
        try:
            logits = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._run, windows
            )
            failed = False
        except Exception as error:  # whatever a runtime raises, no neighbour shall hear of it
            raise PredictionError(f"{type(error).__name__}: {error}") from error
        finally:
            self._tell(windows, begun, failed=failed)
        return logits

    def _tell(self, windows: Sequence[TokenIds], begun: float, *, failed: bool) -> None:
        seconds = time.perf_counter() - begun
        tokens = sum(len(window) for window in windows)
        padded = max(len(window) for window in windows) * len(windows)
        if not failed:
            pace = seconds / tokens
            weight = RECENT if self._seconds_per_token else 1.0
            self._seconds_per_token += weight * (pace - self._seconds_per_token)
        self._watch(Batch(len(windows), tokens, padded, seconds, failed))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
