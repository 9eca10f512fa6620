"""Execution of one batch: in one call, or by halves if that fails."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from function.batching.device import Device
from function.batching.fair_queue import QueuedWindow
from function.batching.pending import PendingRequest
from function.core.backend import Logits
from function.core.errors import PredictionError
from function.core.pace import Pace
from function.core.tokenization import TokenIds
from function.core.windows import RunWindows


@dataclass(frozen=True)
class BatchRun:
    """Facts of one model call, for metrics; `padded_tokens` are tokens and padding."""

    windows: int
    tokens: int
    padded_tokens: int
    seconds: float
    failed: bool


class BatchRunner:
    """Runner of one model's batches, which isolates the text on which a batch fails."""

    def __init__(
        self,
        run: RunWindows,
        device: Device,
        known_good: TokenIds,
        watch: Callable[[BatchRun], None],
        pace: Pace | None = None,
    ) -> None:
        """Create a runner; `watch` is called after every model call, whose time `pace` records.

        If the model fails on `known_good`, a window that it has run before, the device is broken.
        """
        self._call_model, self._device, self._known_good = run, device, known_good
        self._watch, self._pace = watch, pace or Pace()

    async def run(self, batch: Sequence[QueuedWindow[PendingRequest]]) -> None:
        """Run a batch; if it fails, run its halves, until the failing window is alone."""
        batch = [entry for entry in batch if not entry.owner.outputs.done()]
        if not batch:
            return
        try:
            logits = await self._call([entry.window for entry in batch])
        except PredictionError as error:
            if len(batch) == 1:
                batch[0].owner.fail(error)
                await self._check_device()
                return
            half = len(batch) // 2
            await self.run(batch[:half])
            await self.run(batch[half:])
            return
        for entry, row in zip(batch, logits, strict=True):
            entry.owner.fill(entry.index, row)

    async def _check_device(self) -> None:
        if not self._device.broken:
            try:
                await self._call([self._known_good])
            except PredictionError:
                self._device.broken = True

    async def _call(self, windows: Sequence[TokenIds]) -> Sequence[Logits]:
        begun, failed = time.perf_counter(), True
        try:
            logits = await self._device.call(self._call_model, windows)
            failed = False
        except (
            Exception
        ) as error:  # a runtime may raise anything, which must not fail other requests
            raise PredictionError(f"{type(error).__name__}: {error}") from error
        finally:
            self._record(windows, begun, failed=failed)
        return logits

    def _record(self, windows: Sequence[TokenIds], begun: float, *, failed: bool) -> None:
        seconds = time.perf_counter() - begun
        charged = self._device.record_call(begun, 0 if failed else len(windows))
        tokens = sum(len(window) for window in windows)
        if not failed:
            self._pace.record(tokens, charged)
        padded = max(len(window) for window in windows) * len(windows)
        self._watch(BatchRun(len(windows), tokens, padded, seconds, failed))
