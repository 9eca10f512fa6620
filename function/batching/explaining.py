"""Explaining beside other traffic: what it asks of the model queues like everybody's."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from function.batching.pending import Outcome
from function.core.backend import Logits
from function.core.reading import Run
from function.core.tokenization import TokenIds
from function.core.types import AnyPrediction

Ask = Callable[[Sequence[TokenIds]], Coroutine[Any, Any, Outcome]]
Work = Callable[[Run], list[AnyPrediction]]


async def explain(executor: Executor, ask: Ask, works: Sequence[Work]) -> list[AnyPrediction]:
    """Do one piece of work after the other in a thread, which reads by `ask`. Between any two
    others have their turn of the threads. Cancelled, it stops at its next reading."""
    loop = asyncio.get_running_loop()
    asked: list[Future[Outcome]] = []
    stopped = False

    def run(windows: Sequence[TokenIds]) -> Sequence[Logits]:
        if stopped:
            raise CancelledError
        asked.append(asyncio.run_coroutine_threadsafe(ask(windows), loop))
        return asked[-1].result().logits

    explained: list[AnyPrediction] = []
    try:
        for work in works:
            explained += await loop.run_in_executor(executor, work, run)
    finally:
        stopped = True
        for future in asked:
            future.cancel()
    return explained
