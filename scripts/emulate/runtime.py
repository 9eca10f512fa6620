"""One handler under the emulator: start it, call it one event at a time, end it.

    invoke(event) --> aws-lambda-rie --> python -m awslambdaric --> handler

The runtime is started by the emulator on the first call, so that call pays for the cold start.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scripts.common.errors import CommandError
from scripts.emulate.binary import emulator_binary
from scripts.emulate.protocol import EventTooLargeError, InvocationError, read_answer

LOOPBACK = "127.0.0.1"
FUNCTION_NAME = "evergreen-local"
REGION = "us-east-1"


def lambda_environment(
    directory: Path, timeout_seconds: int, memory_megabytes: int, extra: Mapping[str, str]
) -> dict[str, str]:
    """This process's environment, less what is the caller's own on AWS, plus what Lambda sets."""
    # The developer's profile, keys and endpoints must not become the handler's.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **inherited,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_megabytes),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION_NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "LAMBDA_TASK_ROOT": str(directory),
        "TZ": ":UTC",
        # Or the handler's last words would be lost when it is killed.
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


START_SECONDS, STOP_SECONDS = 10.0, 5.0


@dataclass(frozen=True)
class Launch:
    """All that starting the emulator takes, the same each time."""

    binary: Path
    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    log: Path


class EmulatorProcess:
    """One run of the emulator. It starts its runtime on the first call."""

    def __init__(self, launch: Launch) -> None:
        """Start it without waiting; `listens` waits."""
        self.port, self._runtime_port = _free_ports()
        # Without addresses the emulator would listen on every interface.
        addresses = [
            "--runtime-interface-emulator-address",
            f"{LOOPBACK}:{self.port}",
            "--runtime-api-address",
            f"{LOOPBACK}:{self._runtime_port}",
        ]
        with launch.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(launch.binary), *addresses, *launch.command],
                cwd=launch.directory,
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A terminal's Ctrl-C must reach the front alone, which then ends things in order.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it can take a call; it ends by itself where a port was taken in the meantime."""
        return self._process.poll() is None

    def listens(self) -> bool:
        """Wait until it takes calls; False where it ended or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while self.alive and time.monotonic() < deadline:
            try:
                for port in (self.port, self._runtime_port):
                    socket.create_connection((LOOPBACK, port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.01)
        return False

    def end(self) -> None:
        """End it and its runtime, also in the middle of a call."""
        # Asked politely, the emulator kills the runtime, which has a process group of its own.
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((LOOPBACK, 0))
        second.bind((LOOPBACK, 0))
        return first.getsockname()[1], second.getsockname()[1]


# Lambda's own figure, which its error messages name. The emulator cuts off what is above it.
MAX_EVENT_BYTES = 6_291_556
INVOCATION_PATH = "/2015-03-31/functions/function/invocations"
# The emulator itself ends a call at the time-out; beyond this, it hangs.
GRACE_SECONDS = 30.0
START_ATTEMPTS = 3
# A failed init is followed by a report of a few microseconds that is not a cold start.
COLD_START = re.compile(
    r"\(rapid\) INIT RTDONE\(status: success\).*?"
    r"\(rapid\) INIT REPORT\(durationMs: (?P<milliseconds>[\d.]+)\)",
    re.DOTALL,
)


class LambdaEmulator:
    """A handler under Lambda's runtime client and emulator. Use it as a context manager."""

    def __init__(
        self,
        handler: str,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: int = 30,
        memory_megabytes: int = 1769,
        working_directory: Path | None = None,
        log_path: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        """Prepare a handler, named as on Lambda: `package.module.function`.

        `memory_megabytes` is told to the handler but not enforced. `python` must have awslambdaric.
        """
        self._command = [python, "-m", "awslambdaric", handler]
        self._directory = (working_directory or Path.cwd()).resolve()
        self._timeout = timeout_seconds
        self._environment = lambda_environment(
            self._directory, timeout_seconds, memory_megabytes, environment or {}
        )
        self._log_path, self._final_log = log_path, ""
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: EmulatorProcess | None = None
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        binary = emulator_binary()
        self._scratch = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
        self._log = self._log_path or Path(self._scratch.name, "emulator.log")
        self._log.write_bytes(b"")
        self._launch = Launch(binary, self._command, self._directory, self._environment, self._log)
        self._stopped = False
        try:
            self._started_process()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def invoke(self, event: Any) -> Any:
        """Call the handler with a raw event and return its raw answer.

        Raises EventTooLargeError, InvocationTimeoutError or InvocationError where there is none.
        Calls from several threads wait for each other: two at once would crash the emulator.
        """
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) > MAX_EVENT_BYTES:
            raise EventTooLargeError(
                f"The event has {len(payload)} bytes; Lambda takes {MAX_EVENT_BYTES} at most."
            )
        with self._one_at_a_time:
            status, body = self._post(self._started_process(), payload)
        return read_answer(status, body)

    def logs(self) -> str:
        """All that the emulator and the handler wrote so far; kept after the end."""
        if self._scratch is None:
            return self._final_log
        return self._log.read_text(encoding="utf-8", errors="replace")

    def init_milliseconds(self) -> float | None:
        """How long the latest cold start that succeeded took; None before the first."""
        found = [match["milliseconds"] for match in COLD_START.finditer(self.logs())]
        return float(found[-1]) if found else None

    def stop(self) -> None:
        """End the emulator and the handler, also in the middle of a call."""
        self._stopped = True
        if self._process is not None:
            self._process.end()
        if self._scratch is not None:
            self._final_log = self.logs()
            self._scratch.cleanup()
            self._scratch = None

    def _post(self, process: EmulatorProcess, payload: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(LOOPBACK, process.port, timeout=self._timeout + GRACE_SECONDS)
        try:
            connection.request("POST", INVOCATION_PATH, payload)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            # Whatever state it is in, the next call gets a fresh one.
            process.end()
            raise InvocationError(f"The emulator ended during the call: {error!r}") from error
        finally:
            connection.close()

    def _started_process(self) -> EmulatorProcess:
        if self._process is not None and self._process.alive:
            return self._process
        for _ in range(START_ATTEMPTS):
            if self._stopped:
                raise InvocationError("The emulator was stopped.")
            self._process = EmulatorProcess(self._launch)
            if self._process.listens() and not self._stopped:
                return self._process
            self._process.end()
        raise CommandError(f"The Lambda emulator did not start:\n{self.logs()[-2000:]}")
