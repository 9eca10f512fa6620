"""Processes on this machine: started, awaited, asked over loopback, and ended in any case."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10.0  # from SIGTERM to SIGKILL
PAUSE_SECONDS = 0.005  # between two checks whether a process is ready
LAST_CHARACTERS = 2000

Process = subprocess.Popen[Any]


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[Process]:
    """Start a process, with options of `subprocess.Popen`, and end it when the block is left."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        end(process)


def end(process: Process, patience: float = STOP_SECONDS) -> None:
    """Send SIGTERM, after `patience` seconds SIGKILL, and close the process's pipes."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # the process never read the last of its input
                pipe.close()


def wait_until(ready: Callable[[], bool], process: Process, seconds: float) -> bool:
    """Poll until `ready` is true; return False if the process ends or the time is up before."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def listens(*ports: int) -> bool:
    """Return whether each port of the loopback interface takes connections."""
    try:
        for port in ports:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port of the loopback interface on which nothing listens."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return different ports of the loopback interface on which nothing listens."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


def post(
    port: int, path: str, body: bytes, *, headers: Mapping[str, str] | None = None, seconds: float
) -> tuple[int, bytes]:
    """Return status and body of a POST to a port of the loopback interface.

    Raises OSError or HTTPException where the server hung up or did not answer in time.
    """
    from http.client import HTTPConnection  # load generators import this module, and none of it

    connection = HTTPConnection(LOOPBACK, port, timeout=seconds)
    try:
        connection.request("POST", path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def last_words(log: IO[bytes]) -> str:
    """Return the end of a process's log, for an error message."""
    log.seek(0)
    return log.read().decode(errors="replace")[-LAST_CHARACTERS:].strip()
