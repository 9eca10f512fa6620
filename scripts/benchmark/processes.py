"""Processes that are measured from outside: started, timed, asked, and always ended."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from scripts.benchmark.plan import REPOSITORY
from scripts.common.errors import CommandError

LOOPBACK = "127.0.0.1"
ANSWERED = "answered"  # what a probe prints once it has its answer
START_SECONDS, STOP_SECONDS, WORK_SECONDS = 900.0, 10.0, 3600.0


@dataclass(frozen=True)
class Service:
    """A program that serves HTTP. command: what follows `python`; `{port}` stands for the port."""

    command: Sequence[str]
    path: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Running:
    """A service that has answered once. started: seconds from its start to that answer."""

    pid: int
    port: int
    path: str
    started: float


def request_body(inputs: str | Sequence[str]) -> str:
    """A request for both sides; ours too reads a long text's start only, as the pipeline does."""
    return json.dumps({"inputs": inputs, "parameters": {"long_text": "truncate"}})


@contextmanager
def serving(service: Service, text: str) -> Iterator[Running]:
    """Start a service and wait for its first answer; end it in any case."""
    port = _free_port()
    command = [part.format(port=port) for part in service.command]
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=REPOSITORY,
            env={**os.environ, **service.environment, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            while not _answers(port, service.path, request_body(text)):
                if process.poll() is not None or time.perf_counter() - begun > START_SECONDS:
                    log.seek(0)
                    raise CommandError(f"{' '.join(command)} did not answer:\n{_tail(log.read())}")
                time.sleep(0.005)
            yield Running(process.pid, port, service.path, time.perf_counter() - begun)
        finally:
            _end(process)


def seconds_to_answer(
    module: str, argument: str, environment: Mapping[str, str], python: str = sys.executable
) -> float:
    """From the start of `python -m module argument` to its line that says it has an answer."""
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", module, argument],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            for line in process.stdout or ():
                if line.startswith(ANSWERED):
                    return time.perf_counter() - begun
            log.seek(0)
            raise CommandError(f"{module} gave no answer:\n{_tail(log.read())}")
        finally:
            _end(process)


def work(module: str, job: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    """Run `python -m module` with a job as JSON on stdin; its last line is the result as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        input=json.dumps(job).encode(),
        capture_output=True,
        check=False,
        timeout=WORK_SECONDS,
    )
    if done.returncode:
        raise CommandError(f"{module} failed:\n{_tail(done.stderr)}")
    return json.loads(done.stdout.splitlines()[-1])


def _answers(port: int, path: str, body: str) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=START_SECONDS)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _tail(log: bytes) -> str:
    return log.decode(errors="replace")[-2000:].strip()
