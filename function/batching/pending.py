"""Request whose windows run in batches, together with those of other requests."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from function.core.backend import Logits
from function.core.errors import PredictionError


@dataclass(frozen=True)
class RequestOutputs:
    """Model outputs of one request.

    Attributes:
        logits: Logits of each window, in the request's order.
        queue_seconds: Wait until the first of its batches began.
        run_seconds: Time from then until the last of its batches ended.
    """

    logits: Sequence[Logits]
    queue_seconds: float
    run_seconds: float


class PendingRequest:
    """Windows of one request, in any order; `outputs` is set after the last, or a failed one."""

    def __init__(self, count: int) -> None:
        """Create a request of `count` windows. Needs a running event loop."""
        self.outputs: asyncio.Future[RequestOutputs] = asyncio.get_running_loop().create_future()
        self._rows: list[Logits | None] = [None] * count
        self._missing = count
        self._queued, self._begun = time.perf_counter(), math.nan

    def begin(self) -> None:
        if math.isnan(self._begun):
            self._begun = time.perf_counter()

    def fill(self, index: int, row: Logits) -> None:
        self._rows[index] = row
        self._missing -= 1
        if not self._missing and not self.outputs.done():
            rows = [row for row in self._rows if row is not None]
            done = time.perf_counter()
            self.outputs.set_result(
                RequestOutputs(rows, self._begun - self._queued, done - self._begun)
            )

    def fail(self, error: PredictionError) -> None:
        if not self.outputs.done():
            self.outputs.set_exception(error)
