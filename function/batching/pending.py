"""One request on its way through batches, which may hold windows of others too."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from function.core.backend import Logits
from function.core.errors import PredictionError


@dataclass(frozen=True)
class Outcome:
    """The logits of each window of one request, and seconds that it waited and was read."""

    logits: Sequence[Logits]
    queued: float
    read: float


class PendingRequest:
    """One request's windows on their way through batches, in any order.

    outcome: is there when the last of them was read, or one failed.
    """

    def __init__(self, count: int) -> None:
        """count: its windows. Call inside of a running loop."""
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
