"""SIGTERM under load: whether everything that was accepted is still answered."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from prometheus_client.parser import text_string_to_metric_families

from scripts.benchmark.connection import Answer, Connection, request

QUEUED = "evergreen_queue_windows"
POLL, ACCEPTED = 0.005, 5.0  # seconds between looks at the queue, and in which it must have filled
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
    """Send requests, each over a connection of its own, then SIGTERM while they are under way."""
    connections = [await Connection.open(port) for _ in requests]
    asked = [
        asyncio.create_task(connection.ask(sent))
        for connection, sent in zip(connections, requests, strict=True)
    ]
    await _accepted(port, asked)
    under_way = [task for task in asked if not task.done()]
    process, begun = psutil.Process(pid), time.perf_counter()
    process.send_signal(signal.SIGTERM)
    answered = await _answered(under_way)
    code = await asyncio.to_thread(_end_of, process)
    seconds = time.perf_counter() - begun
    for connection in connections:
        connection.abort()
    return Drained(len(under_way), answered, seconds, code)


async def _accepted(port: int, asked: Sequence["asyncio.Task[Answer]"]) -> None:
    """Until windows wait, or the first answer says that they no longer will. The look at them comes
    last over the wire: once it is answered, all requests have been read."""
    deadline = time.perf_counter() + ACCEPTED
    connection = await Connection.open(port)
    while not await _queued(connection) and not any(task.done() for task in asked):
        if time.perf_counter() > deadline:
            break
        await asyncio.sleep(POLL)
    connection.close()


async def _queued(connection: Connection) -> float:
    exposition = (await connection.ask(request("GET", "/metrics"))).body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == QUEUED
    )


async def _answered(under_way: Sequence["asyncio.Task[Answer]"]) -> int:
    """How many were, with 200; what has none when patience ends is given up."""
    if not under_way:
        return 0
    _, hanging = await asyncio.wait(under_way, timeout=PATIENCE)
    for task in hanging:
        task.cancel()
    answers = await asyncio.gather(*under_way, return_exceptions=True)
    return sum(not isinstance(each, BaseException) and each.status == 200 for each in answers)


def _end_of(process: psutil.Process) -> int | None:
    try:
        code: int | None = process.wait(PATIENCE)
    except psutil.TimeoutExpired:
        return None
    return code
