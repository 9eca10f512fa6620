"""The load generator: clients that keep their connection and ask again once they are answered.

It runs in a process of its own and shares the cores with what it measures, so it takes the least of
HTTP that it can: `httpx` takes milliseconds of a core for a request, `http.client` in threads a
fifth of one, this a twentieth. `wrk` takes still less, but cannot skip a beginning and comes
from no Python package index.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Self, cast

import psutil
from httptools import HttpResponseParser

from scripts.common.processes import LOOPBACK

# Guests' time is in the users' already, and waiting for a disk is none.
IDLE = {"idle", "iowait", "guest", "guest_nice"}


class FailedError(Exception):
    """An answer that is not 200. One fails the whole run: its time would mislead."""


class Load:
    """One load run.

    The measurement begins once every client has had an answer, for until then the server is not as
    busy as it will be, and ends after `seconds` or `answers`. The job has these, `port` and `path`;
    `bodies`, which are sent in turn, over and over; `clients`; and `benchmark`, the process whose
    CPU time and whose children's is not counted as other processes'.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._requests = cycle([request("POST", job["path"], b.encode()) for b in job["bodies"]])
        self._cold = job["clients"]
        self._benchmark = psutil.Process(job.get("benchmark", os.getpid()))
        self._begun = self._cpu = 0.0
        self._before = CpuTime(0.0, 0.0)
        self._result: dict[str, Any] = {}
        self._milliseconds: list[float] = []

    async def run(self) -> dict[str, Any]:
        """Measure, and wait for the answers under way: the next run finds an idle server.

        Returns `milliseconds` of each answer, `seconds` of all, and the cores that the `generator`
        and processes `elsewhere` used meanwhile. Raises FailedError or OSError if an answer is not
        200, or the server hung up.
        """
        tasks = [asyncio.create_task(self._client()) for _ in range(self._job["clients"])]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return self._result

    async def _client(self) -> None:
        connection = await Connection.open(self._job["port"])
        first = True
        while not self._result:
            sent = time.perf_counter()
            answer = await connection.ask(next(self._requests))
            if answer.status != 200:
                raise FailedError(f"{answer.status}: {answer.body[:200]!r}")
            self._record(sent, time.perf_counter(), first=first)
            first = False
        connection.close()

    def _record(self, sent: float, now: float, *, first: bool) -> None:
        if self._cold:
            self._cold -= first
            if not self._cold:
                self._before = CpuTime.of(self._benchmark)
                self._begun, self._cpu = time.perf_counter(), time.process_time()
        elif not self._result:
            self._milliseconds.append(1000 * (now - sent))
            seconds = now - self._begun
            if seconds >= self._job["seconds"] or len(self._milliseconds) >= self._job["answers"]:
                generator = time.process_time() - self._cpu
                elsewhere = CpuTime.of(self._benchmark).elsewhere(self._before)
                self._result = {
                    "milliseconds": self._milliseconds,
                    "seconds": seconds,
                    "generator": generator / seconds,
                    "elsewhere": elsewhere / seconds,
                }


@dataclass(frozen=True)
class CpuTime:
    """Seconds of cores so far: of the whole machine, and of the benchmark's own processes."""

    machine: float
    ours: float

    @classmethod
    def of(cls, process: psutil.Process) -> Self:
        """Read the times now; ours are those of a process and of all that it has started."""
        times = psutil.cpu_times()._asdict()
        machine = sum(spent for kind, spent in times.items() if kind not in IDLE)
        family = [process, *process.children(recursive=True)]
        return cls(machine, sum(_cpu_seconds(member) for member in family))

    def elsewhere(self, before: Self) -> float:
        """Return the seconds of cores that other processes used since."""
        return max(0.0, self.machine - before.machine - (self.ours - before.ours))


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int
    body: bytes


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    """Return a request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nhost: {LOOPBACK}\r\n"
    if body:
        head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """A kept connection: one request at a time, whose answer is read in full."""

    def __init__(self) -> None:
        self._parser: Any = HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self._body: list[bytes] = []
        self._transport: asyncio.WriteTransport

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a server on this machine. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, LOOPBACK, port)
        return connection

    async def ask(self, sent: bytes) -> Response:
        """Return the answer to a request; raise ConnectionError if the server hangs up before."""
        self._answer = asyncio.get_running_loop().create_future()
        self.send(sent)
        return await self._answer

    def send(self, sent: bytes) -> None:
        """Send bytes without waiting for an answer. Raises ConnectionResetError."""
        if self.closed:
            raise ConnectionResetError("the server has closed the connection")
        self._transport.write(sent)

    @property
    def closed(self) -> bool:
        """Return whether either side has hung up."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Hang up once all is sent."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("no answer came"))

    # Called by the parser:

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Response(self._parser.get_status_code(), b"".join(self._body))
        self._body = []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
