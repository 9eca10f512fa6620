"""The engines that need no queue of batches: one answers in place, one in worker threads."""

import asyncio
from collections.abc import Sequence

from function.core.catalog import Catalog
from function.core.errors import OverloadedError
from function.core.types import Answer, ModelInfo, Options


class DirectEngine:
    """Answers where it is called. For Lambda, which hands a process one request at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def predict(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        """See `core.types.Engine`."""
        return self._answer(model, texts, options)

    def models(self) -> Sequence[ModelInfo]:
        return self._catalog.models()

    def ready(self) -> bool:
        return self._catalog.ready()

    def _answer(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        predictions, timings = self._catalog.predictor(model).predict(texts, options)
        return Answer(self._catalog.info(model), predictions, timings)


class ThreadedEngine(DirectEngine):
    """Answers in worker threads, so that a server hears new requests while it thinks.

    workers: requests that run at once. queue: requests that may wait; more are refused.
    """

    def __init__(self, catalog: Catalog, *, workers: int, queue: int) -> None:
        super().__init__(catalog)
        self._slots, self._limit, self._inside = asyncio.Semaphore(workers), workers + queue, 0

    async def predict(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        """As DirectEngine. Raises OverloadedError where the queue is full."""
        if self._inside >= self._limit:
            raise OverloadedError("too many requests are waiting; try again in a second")
        self._inside += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(self._answer, model, texts, options)
        finally:
            self._inside -= 1
