"""Explaining beside other traffic: what it asks of the model queues like everybody's."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future

from function.batching.batcher import Batcher, Outcome
from function.core.backend import Logits
from function.core.reading import Run
from function.core.tokenization import TokenIds
from function.core.types import AnyPrediction


async def explain(
    executor: Executor, batcher: Batcher, work: Callable[[Run], list[AnyPrediction]]
) -> list[AnyPrediction]:
    """Run `work` in a thread, which reads through the batcher. Cancelled, it stops at its next
    reading."""
    loop = asyncio.get_running_loop()
    asked: list[Future[Outcome]] = []
    stopped = False

    def run(windows: Sequence[TokenIds]) -> Sequence[Logits]:
        if stopped:
            raise CancelledError
        asked.append(asyncio.run_coroutine_threadsafe(batcher.run(windows), loop))
        return asked[-1].result().logits

    try:
        return await loop.run_in_executor(executor, work, run)
    finally:
        stopped = True
        for future in asked:
            future.cancel()
