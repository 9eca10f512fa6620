"""How a batch is read: in one call, or by halves where that fails."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from function.batching.device import Device
from function.batching.fair_queue import Waiting
from function.batching.pending import PendingRequest
from function.core.backend import Logits
from function.core.errors import PredictionError
from function.core.reading import Run
from function.core.tokenization import TokenIds


@dataclass(frozen=True)
class Batch:
    """One call of the model, as it is told to whoever watches."""

    windows: int
    tokens: int
    padded_tokens: int
    seconds: float
    failed: bool


class BatchReader:
    """Has one model read batches, and finds out whose text it cannot read.

    known: a window that the model has read. Where it fails even on that, the device is broken.
    watch: is told of every call.
    """

    def __init__(
        self, run: Run, device: Device, known: TokenIds, watch: Callable[[Batch], None]
    ) -> None:
        self._run, self._device, self._known, self._watch = run, device, known, watch

    async def read(self, batch: Sequence[Waiting[PendingRequest]]) -> None:
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
            await self.read(batch[:half])
            await self.read(batch[half:])
            return
        for waiting, row in zip(batch, logits, strict=True):
            waiting.owner.fill(waiting.place, row)

    async def _check(self) -> None:
        if not self._device.broken:
            try:
                await self._call([self._known])
            except PredictionError:
                self._device.broken = True

    async def _call(self, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        begun, failed = time.perf_counter(), True
        try:
            logits = await self._device.call(self._run, windows)
            failed = False
        except Exception as error:  # whatever a runtime raises, no neighbour shall hear of it
            raise PredictionError(f"{type(error).__name__}: {error}") from error
        finally:
            self._tell(windows, begun, failed=failed)
        return logits

    def _tell(self, windows: Sequence[TokenIds], begun: float, *, failed: bool) -> None:
        seconds = time.perf_counter() - begun
        self._device.count(begun, 0 if failed else len(windows))
        tokens = sum(len(window) for window in windows)
        padded = max(len(window) for window in windows) * len(windows)
        self._watch(Batch(len(windows), tokens, padded, seconds, failed))
