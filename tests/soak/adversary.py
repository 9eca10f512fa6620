"""Attacks on a server while others use it: slow and half requests, refusals, resets, raw bytes.

Each attack ends by itself. It fails where the server answers with 5xx, or with what is no HTTP.
"""

import json
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random

from scripts.common.processes import LOOPBACK
from tests.fuzz.http_grammar import (
    PATIENCE,
    Request,
    WrongAnswerError,
    draw_request,
    exchange,
    read_answers,
)
from tests.soak.report import RequestStats

ATTACKERS = 6
SLOW_SECONDS, PAUSE = 3.0, 0.02
IDLE = 50  # connections that say nothing
RESET = b"\x01\0\0\0\0\0\0\0"  # SO_LINGER: close with a reset
POST = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
REFUSED = [
    json.dumps(body).encode()
    for body in (
        {"inputs": 7},
        {"inputs": [1] * 300_000},
        {"inputs": "a", "x": [{"a": {}}] * 300_000},
        {f"k{number}": 1 for number in range(200_000)},
        {"inputs": ["word"] * 1000},
        {"inputs": "x" * 5_000_000},
    )
]


def trickle(port: int, draw: Random) -> None:
    """Send a head or a body byte by byte, and leave before its end."""
    start = draw.choice(
        [b"GET /health/live HTTP/1.1\r\nX: ", POST + b"Content-Length: 100\r\n\r\n"]
    )
    with _connect(port) as connection:
        connection.sendall(start)
        until = time.monotonic() + SLOW_SECONDS
        while time.monotonic() < until:
            connection.sendall(b"x")
            time.sleep(0.2)


def hold(port: int, draw: Random) -> None:
    """Open many connections that say nothing, or half a request, and leave them for a while."""
    with ExitStack() as stack:
        for _ in range(IDLE):
            connection = stack.enter_context(_connect(port))
            connection.sendall(
                draw.choice([b"", b"POST / HT", POST + b"Content-Length: 9\r\n\r\n{"])
            )
        time.sleep(SLOW_SECONDS)


def reset(port: int, draw: Random) -> None:
    """Kill connections before, in the middle of, or after a request."""
    body = json.dumps({"inputs": ["good film"] * 8}).encode()
    request = (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 3
    for _ in range(10):
        with _connect(port) as connection:
            connection.sendall(request[: draw.randrange(len(request))])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def refuse(port: int, draw: Random) -> None:
    """Send a body that is refused, and read the refusal."""
    body = draw.choice(REFUSED)
    head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    statuses = exchange(port, Request(head + body, complete=True))
    if statuses not in ([413], [422]):
        raise WrongAnswerError(f"{statuses}, not 413 or 422")


def pour(port: int, draw: Random) -> None:
    """Send a body without an end, until the server has enough of it."""
    with _connect(port) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        received = b""
        for _ in range(draw.randint(1, 200)):
            try:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            except OSError:  # enough
                break
        connection.settimeout(1)
        with suppress(OSError):
            received = connection.recv(65_536)
    read_answers(received, ended=False, bodiless=False)


def fuzz(port: int, draw: Random) -> None:
    """Send requests that a grammar draws, and damaged ones."""
    for _ in range(20):
        exchange(port, draw_request(draw))


ATTACKS: dict[str, Callable[[int, Random], None]] = {
    "attack: slow": trickle,
    "attack: silent": hold,
    "attack: reset": reset,
    "attack: refused": refuse,
    "attack: endless": pour,
    "attack: raw": fuzz,
}


@contextmanager
def attacking(port: int) -> Iterator[dict[str, RequestStats]]:
    """Attack a server until the block ends; the results are there afterwards, by kind."""
    results: dict[str, RequestStats] = {}
    seconds: dict[str, list[float]] = {kind: [] for kind in ATTACKS}
    errors: dict[str, Counter[str]] = {kind: Counter() for kind in ATTACKS}
    done = threading.Event()

    def attack(number: int) -> None:
        draw = Random(number)
        while not done.wait(PAUSE):
            kind = draw.choice([*ATTACKS])
            begun = time.perf_counter()
            try:
                ATTACKS[kind](port, draw)
            except ConnectionError:  # the server may close the connection of an attacker
                pass
            except (OSError, WrongAnswerError) as error:
                errors[kind][repr(error)[:300]] += 1
            seconds[kind].append(time.perf_counter() - begun)

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    try:
        yield results
    finally:
        done.set()
        for thread in threads:
            thread.join()
        for kind, taken in seconds.items():
            cuts = statistics.quantiles([*taken, *taken, 0.0], n=100)
            failures = errors[kind].total()
            p50, p95, p99 = (1000 * cuts[n - 1] for n in (50, 95, 99))
            results[kind] = RequestStats(len(taken), failures, p50, p95, p99, errors[kind])


def _connect(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=PATIENCE)
