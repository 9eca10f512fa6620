"""The load generator: clients that keep their connection and ask again as soon as they are told.

Runs as a process of its own, so that it waits for its cores like everyone else: a job on stdin,
`{"port", "path", "bodies", "clients", "seconds"}`; milliseconds of each answer and the seconds of
all on stdout. Every body is sent once, unless the time is over before.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

LOOPBACK = "127.0.0.1"
PATIENCE = 600.0


@dataclass
class Load:
    """What all clients share."""

    port: int
    path: str
    bodies: Iterator[str]
    deadline: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def client(self) -> None:
        """Ask until there is no more to ask, the time is over, or an answer is not 200."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE)
        try:
            while not self.failures and (body := self._next()) is not None:
                begun = time.perf_counter()
                connection.request("POST", self.path, body, {"content-type": "application/json"})
                response = connection.getresponse()
                answer = response.read()
                self.milliseconds.append(1000 * (time.perf_counter() - begun))
                if response.status != 200:
                    self.failures.append(f"{response.status}: {answer[:200]!r}")
        except Exception as error:
            self.failures.append(repr(error))
        finally:
            connection.close()

    def _next(self) -> str | None:
        with self.lock:
            return next(self.bodies, None) if time.perf_counter() < self.deadline else None


def generate(job: dict[str, Any]) -> dict[str, Any]:
    """Run all clients to their end. One failed answer fails the whole: its time would mislead."""
    begun = time.perf_counter()
    load = Load(job["port"], job["path"], iter(job["bodies"]), begun + job["seconds"])
    clients = [threading.Thread(target=load.client) for _ in range(job["clients"])]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if load.failures:
        sys.exit(f"{len(load.failures)} requests failed, the first with {load.failures[0]}")
    return {"milliseconds": load.milliseconds, "seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    print(json.dumps(generate(json.load(sys.stdin))))
