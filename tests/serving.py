"""Services that tests ask over HTTP: our server as a process, the application, the function."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import uvicorn
from fastapi import FastAPI

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings
from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, Process, end, free_port, last_words, wait_until
from scripts.emulate.gateway import Front
from scripts.emulate.runtime import LambdaEmulator
from tests.commands import REPOSITORY, run_python
from tests.stand_ins.json_server import serving

SERVER = ("-m", "function.server")
START_SECONDS = 60
END_SECONDS = 30  # longer than the server gives requests in progress


@dataclass(frozen=True)
class Server:
    """A server that is ready; `log` is what it prints."""

    port: int
    process: Process
    log: IO[bytes]

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def stop(self) -> list[str]:
        """Send SIGTERM, on which it must end with 0, and return the lines of its log."""
        end(self.process, END_SECONDS)
        assert self.process.returncode == 0, last_words(self.log)
        self.log.seek(0)
        return self.log.read().decode().splitlines()


@contextmanager
def running_server(
    models: Path | None = None,
    *,
    port: int | None = None,
    seconds: float = START_SECONDS,
    stdout: int | IO[str] | None = None,
    **environment: str,
) -> Iterator[Server]:
    """Run the server over a folder of models until the block is left; yield it once it is ready.

    Without `models` and `port` they are those of the environment, and a free one; with `stdout`,
    the log holds stderr alone. Raises CommandError, with what it printed, if it does not come up.
    """
    port = port or free_port()
    variables = {"AUTH": "public", "HOST": LOOPBACK, "PORT": str(port), **environment}
    if models:
        variables["MODELS_DIR"] = str(models)
    with TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *SERVER],
            cwd=REPOSITORY,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log if stdout is None else stdout,
            stderr=log,
        )
        try:
            if not wait_until(lambda: is_ready(port), process, seconds):
                raise CommandError(f"the server did not become ready:\n{last_words(log)}")
            yield Server(port, process, log)
        finally:
            end(process, END_SECONDS)


def wanting(key: str) -> dict[str, Any]:
    """Return the settings of a service that wants a key."""
    return {"AUTH": "key", "API_KEY_SHA256": hashlib.sha256(key.encode()).hexdigest()}


def is_ready(port: int) -> bool:
    """Return whether a server on this port has loaded its models."""
    try:
        urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health/ready", timeout=5).close()
    except OSError:
        return False
    return True


def refusal(**environment: Any) -> subprocess.CompletedProcess[str]:
    """Run a server that must refuse to start, and return how it ended."""
    return run_python(*SERVER, seconds=START_SECONDS, **environment)


def build_app(models: Path, default: str = "sentiment", **environment: str) -> FastAPI:
    """Return the application over a folder of models, which are loaded."""
    catalog = Catalog(models, default, lambda artifact: OnnxBackend(artifact, 1), max_windows=64)
    catalog.load()
    return create_app(DirectEngine(catalog), load_settings(Settings, environment), lambda _: None)


@contextmanager
def running_app(app: FastAPI) -> Iterator[str]:
    """Serve an application on a thread of this process, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.create_server((LOOPBACK, 0)) as listener:  # it takes connections from here on
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(END_SECONDS)


@contextmanager
def running_function(models: Path) -> Iterator[str]:
    """Run the Lambda's handler under its own runtime client, behind HTTP, and yield its address."""
    with (
        LambdaEmulator(
            "function.lambda_handler.handler",
            environment={"MODELS_DIR": str(models)},
            working_directory=REPOSITORY,
            timeout_seconds=START_SECONDS,
        ) as emulator,
        serving(Front(0, emulator)) as url,
    ):
        yield url
