"""Processes of a benchmark: servers, subjects timed to their first answer, and workers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, Any, cast

from scripts.benchmark.plan import EVENT, OFFLINE, REPOSITORY, Subject
from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, free_port, last_words, post, started, wait_until

SUBJECTS, WORKER = "scripts.benchmark.subjects", "scripts.benchmark.worker"
ANSWERED = "answered"  # printed by a subject once it has its answer
START_SECONDS, WORK_SECONDS = 900.0, 3600.0
JSON = {"content-type": "application/json"}
# So that our side reads what a pipeline reads: the start of a long text, by the full model.
ALIKE: Mapping[str, Any] = {"long_text": "truncate", "cascade": "off"}


@dataclass(frozen=True)
class Service:
    """A program that serves HTTP: what follows `python`, in which `{port}` is for the port."""

    command: Sequence[str]
    path: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Running:
    """A service that has answered once, `started` seconds after its start."""

    pid: int
    port: int
    path: str
    started: float


def our_server(subject: Subject, environment: Mapping[str, str] | None = None) -> Service:
    """Return the server as `make run` starts it, but for settings in `environment`."""
    return Service(
        ["-m", "function.server"], "/v1/predict", subject.environment() | dict(environment or {})
    )


def baseline_server(subject: Subject) -> Service:
    """Return the plain pipeline under uvicorn, one worker."""
    uvicorn = ["-m", "uvicorn", "--factory", f"{SUBJECTS}:create_baseline"]
    options = ["--host", LOOPBACK, "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    return Service(
        [*uvicorn, *options], "/predict", OFFLINE | {"CHECKPOINT": str(subject.checkpoint)}
    )


def echo_server() -> Service:
    """Return a server that answers without doing anything."""
    return Service(["-m", SUBJECTS, "serve_echo", "{port}"], "/predict", {})


@contextmanager
def serving(service: Service, text: str) -> Iterator[Running]:
    """Start a service, yield it after its first answer, and end it in any case.

    Raises CommandError, with the end of its log, if it ended or did not answer.
    """
    port, body = free_port(), request_body(text).encode()
    command = [part.format(port=port) for part in service.command]

    def answers() -> bool:
        try:
            status, _ = post(port, service.path, body, headers=JSON, seconds=START_SECONDS)
        except (OSError, HTTPException):
            return False
        return status == 200

    with tempfile.TemporaryFile() as log:
        environment = {**service.environment, "PORT": str(port)}
        options = _options(environment, stdout=subprocess.DEVNULL, stderr=log)
        begun = time.perf_counter()
        with started([sys.executable, *command], **options) as process:
            if not wait_until(answers, process, START_SECONDS):
                raise CommandError(f"{' '.join(command)} did not answer:\n{last_words(log)}")
            yield Running(process.pid, port, service.path, time.perf_counter() - begun)


def seconds_to_answer(
    program: str, argument: str, environment: Mapping[str, str], python: str = sys.executable
) -> float:
    """Return the seconds from the start of a program of `subjects` to its answer."""
    with tempfile.TemporaryFile() as log:
        command = [python, "-m", SUBJECTS, program, argument]
        options = _options(environment, stdout=subprocess.PIPE, stderr=log, text=True)
        begun = time.perf_counter()
        with started(command, **options) as process:
            for line in cast("IO[str]", process.stdout):
                if line.startswith(ANSWERED):
                    return time.perf_counter() - begun
            raise CommandError(f"{program} gave no answer:\n{last_words(log)}")


def work(name: str, job: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    """Run a job of `worker` in a process of its own and return its result. Raises CommandError."""
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(
            [sys.executable, "-m", WORKER, name],
            input=json.dumps(job).encode(),
            stdout=subprocess.PIPE,
            check=False,
            timeout=WORK_SECONDS,
            **_options(environment, stderr=log),
        )
        if done.returncode:
            raise CommandError(f"{name} failed:\n{last_words(log)}")
        return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def persistent_worker(
    name: str, job: Mapping[str, Any], environment: Mapping[str, str], module: str = WORKER
) -> Iterator[Callable[[Mapping[str, Any]], Any]]:
    """Start a job of `worker` that stays, for turns with others, and end it in any case.

    Yields a function that sends it a question and returns the answer, and raises CommandError if
    the worker ends before it has answered.
    """
    with tempfile.TemporaryFile() as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
        with started([sys.executable, "-m", module, name], **_options(environment, **pipes)) as it:
            source, sink = cast("IO[str]", it.stdout), cast("IO[str]", it.stdin)

            def ask(question: Mapping[str, Any]) -> Any:
                with suppress(BrokenPipeError):  # it has ended, and its log says why
                    sink.write(json.dumps(question) + "\n")
                    sink.flush()
                answer = source.readline()
                if not answer:
                    raise CommandError(f"{name} failed:\n{last_words(log)}")
                return json.loads(answer)

            sink.write(json.dumps(job) + "\n")
            yield ask


def request_body(inputs: str | Sequence[str], parameters: Mapping[str, Any] = ALIKE) -> str:
    """Return a request for both servers, of which the pipeline's ignores the parameters."""
    return json.dumps({"inputs": inputs, "parameters": parameters})


def handler_event(
    text: str, model: str | None = None, parameters: Mapping[str, Any] = ALIKE
) -> dict[str, Any]:
    """Return an event of API Gateway's HTTP API with a text in its body, for a model by name."""
    event: dict[str, Any] = json.loads(EVENT.read_bytes())
    event["body"] = request_body(text, parameters)
    if model is not None:
        path = f"/v1/models/{model}/predict"
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["headers"]["content-length"] = str(len(event["body"].encode()))
    return event


def _options(environment: Mapping[str, str], **options: Any) -> dict[str, Any]:
    return {"cwd": REPOSITORY, "env": {**os.environ, **environment}, **options}
