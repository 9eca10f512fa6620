"""SIGTERM under load: whether everything that was accepted is still answered."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from scripts.benchmarking.connection import Connection

ACCEPTED = 0.5  # seconds after which a request that was sent has been read
PATIENCE = 60.0  # seconds, above any STOP_SECONDS


@dataclass(frozen=True)
class Drained:
    """What a server did that was told to stop.

    asked: requests under way. answered: of them, with 200 before they were given up. seconds: from
    the signal to its end. code: with which it ended; None where it had to be waited for too long.
    """

    asked: int
    answered: int
    seconds: float
    code: int | None


async def drain(port: int, pid: int, requests: Sequence[bytes]) -> Drained:
    """Send requests, each over a connection of its own, then SIGTERM while all are under way."""
    connections = [await Connection.open(port) for _ in requests]
    asked = [
        asyncio.create_task(connection.ask(sent))
        for connection, sent in zip(connections, requests, strict=True)
    ]
    await asyncio.wait(asked, timeout=ACCEPTED)
    under_way = [task for task in asked if not task.done()]
    process, begun = psutil.Process(pid), time.perf_counter()
    process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*under_way, return_exceptions=True)
    code = await asyncio.to_thread(_end_of, process)
    answered = sum(not isinstance(each, BaseException) and each.status == 200 for each in answers)
    return Drained(len(under_way), answered, time.perf_counter() - begun, code)


def _end_of(process: psutil.Process) -> int | None:
    try:
        code: int | None = process.wait(PATIENCE)
    except psutil.TimeoutExpired:
        return None
    return code
