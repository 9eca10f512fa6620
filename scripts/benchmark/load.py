"""The load generator: clients that keep their connection and ask again as soon as they are told.

Runs as a process of its own, so that it waits for its cores like everyone else. A job on stdin:
`{"port", "path", "bodies", "clients", "seconds", "answers", "benchmark"}`; bodies are sent in turn,
over and over; benchmark is the process whose children are measured. What is measured begins once
every client has had an answer, for until then the server is not as busy as it will be, and ends
after so many seconds or answers. On stdout `{"milliseconds", "seconds", "generator", "elsewhere"}`:
of each answer in between, of all of them, and how many cores the generator took meanwhile, and
processes that are not the benchmark's.
"""

import asyncio
import json
import os
import sys
import time
from itertools import cycle
from typing import Any

import psutil

from scripts.benchmark.connection import Connection, request
from scripts.benchmark.cores import Work


class FailedError(Exception):
    """An answer that is not 200. One fails the whole: its time would mislead."""


class Load:
    """What all clients share."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._requests = cycle([request("POST", job["path"], b.encode()) for b in job["bodies"]])
        self._cold = job["clients"]
        self._benchmark = psutil.Process(job.get("benchmark", os.getpid()))
        self._begun = self._cpu = 0.0
        self._work = Work(0.0, 0.0)
        self._result: dict[str, Any] = {}
        self._milliseconds: list[float] = []

    async def run(self) -> dict[str, Any]:
        """Measure, and wait for what was still asked: the next to be measured finds idle servers.

        Raises FailedError or OSError.
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
            self._note(sent, time.perf_counter(), first=first)
            first = False
        connection.close()

    def _note(self, sent: float, now: float, *, first: bool) -> None:
        if self._cold:
            self._cold -= first
            if not self._cold:
                self._work = Work.of(self._benchmark)
                self._begun, self._cpu = time.perf_counter(), time.process_time()
        elif not self._result:
            self._milliseconds.append(1000 * (now - sent))
            seconds = now - self._begun
            if seconds >= self._job["seconds"] or len(self._milliseconds) >= self._job["answers"]:
                generator = time.process_time() - self._cpu
                elsewhere = Work.of(self._benchmark).elsewhere(self._work)
                self._result = {
                    "milliseconds": self._milliseconds,
                    "seconds": seconds,
                    "generator": generator / seconds,
                    "elsewhere": elsewhere / seconds,
                }


def main() -> None:
    load = Load(json.load(sys.stdin))
    try:
        print(json.dumps(asyncio.run(load.run())))
    except (FailedError, OSError) as error:
        sys.exit(f"a request failed: {error}")


if __name__ == "__main__":
    main()
