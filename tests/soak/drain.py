"""SIGTERM under load: everything that was accepted must still be answered."""

import select
import signal
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.stand_ins.json_server import LOOPBACK

PATH = "/v1/predict"
POLL, ACCEPTED = 0.005, 5.0  # seconds between checks of the queue, and until it must have filled
PATIENCE = 60.0  # seconds, above any STOP_SECONDS


@dataclass(frozen=True)
class Drained:
    """The end of a server on SIGTERM.

    asked: requests under way. answered: of them, with 200 within PATIENCE. seconds: from the signal
    to its end. code: its exit code; None where it did not end within PATIENCE.
    """

    asked: int
    answered: int
    seconds: float
    code: int | None


def drain(port: int, pid: int, bodies: Sequence[bytes]) -> Drained:
    """Send requests, each over a connection of its own, then SIGTERM while they are under way."""
    connections = [_post(port, body) for body in bodies]
    _wait_until_accepted(port, connections)
    answered = _answered(connections)
    under_way = [each for each in connections if each not in answered]
    process, begun = psutil.Process(pid), time.perf_counter()
    process.send_signal(signal.SIGTERM)
    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = list(pool.map(_status, under_way))
    try:
        code: int | None = process.wait(PATIENCE)
    except psutil.TimeoutExpired:
        code = None
    seconds = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return Drained(len(under_way), statuses.count(200), seconds, code)


def read_metric(port: int, name: str) -> float:
    """Return the sum of a metric of the server over all labels."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=PATIENCE) as response:
        exposition = response.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == name
    )


def _post(port: int, body: bytes) -> HTTPConnection:
    connection = HTTPConnection(LOOPBACK, port, timeout=PATIENCE)
    connection.request("POST", PATH, body, {"content-type": "application/json"})
    return connection


def _wait_until_accepted(port: int, connections: Sequence[HTTPConnection]) -> None:
    """Wait until windows are queued, or until an answer shows that none will be.

    The metric is read over the last connection: once it is answered, all requests have been read.
    """
    deadline = time.perf_counter() + ACCEPTED
    while time.perf_counter() < deadline:
        if read_metric(port, "evergreen_queue_windows") or _answered(connections):
            return
        time.sleep(POLL)


def _answered(connections: Sequence[HTTPConnection]) -> list[HTTPConnection]:
    """Return the connections whose answer has begun to come."""
    readable, _, _ = select.select([each.sock for each in connections], [], [], 0)
    return [each for each in connections if each.sock in readable]


def _status(connection: HTTPConnection) -> int:
    """Return the status of the answer; 0 where there is none."""
    try:
        response = connection.getresponse()
        response.read()
    except (OSError, HTTPException):
        return 0
    return response.status
