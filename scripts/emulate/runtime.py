"""A handler under Lambda's own runtime client and emulator, called one event at a time.

    invoke(event) --> aws-lambda-rie --> python -m awslambdaric --> handler

The emulator starts the runtime on the first call, so that call includes the cold start.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, end, free_ports, listens, post, wait_until
from scripts.emulate.binary import emulator_binary
from scripts.emulate.protocol import (
    TIMEOUT_TEXT,
    EventTooLargeError,
    InvocationError,
    read_answer,
)

FUNCTION_NAME = "evergreen-local"
REGION = "us-east-1"
# Lambda's own figure, which its error messages name. The emulator cuts off what is above it.
MAX_EVENT_BYTES = 6_291_556
INVOCATION_PATH = "/2015-03-31/functions/function/invocations"
START_SECONDS, STOP_SECONDS = 10.0, 5.0
# The emulator itself ends a call at the time-out; beyond this, it hangs.
GRACE_SECONDS = 30.0
START_ATTEMPTS = 3
# Lines of the emulator's log. A failed init is followed by a report of a few microseconds.
INIT_ENDED = re.compile(r"\(rapid\) INIT RTDONE\(status: (?P<status>\w+)\)")
COLD_START = re.compile(r"\(rapid\) INIT REPORT\(durationMs: (?P<milliseconds>[\d.]+)\)")


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

        `memory_megabytes` is in its environment, not enforced; `python` must have awslambdaric.
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
        self._launch = partial(
            EmulatorProcess, binary, self._command, self._directory, self._environment, self._log
        )
        self._stopped = False
        try:
            self._started_process()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def invoke(self, event: Any) -> Any:
        """Call the handler with a raw event and return its raw answer.

        Calls from several threads wait for each other: two at once would crash the emulator. Raises
        EventTooLargeError, InvocationTimeoutError or InvocationError if there is no answer.
        """
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) > MAX_EVENT_BYTES:
            raise EventTooLargeError(
                f"The event has {len(payload)} bytes; Lambda takes {MAX_EVENT_BYTES} at most."
            )
        return read_answer(*self.pass_on(payload))

    def pass_on(self, payload: bytes) -> tuple[int, bytes]:
        """Return the emulator's own status and body for an event in bytes, whatever they are.

        Raises InvocationError if it ends during the call.
        """
        with self._one_at_a_time:
            process = self._started_process()
            status, body = self._post(process, payload)
            if body.startswith(TIMEOUT_TEXT):
                process.end()  # it ends the handler's process, too, and may refuse calls meanwhile
            return status, body

    def logs(self) -> str:
        """Return all that the emulator and the handler wrote so far; kept after the end."""
        if self._scratch is None:
            return self._final_log
        return self._log.read_text(encoding="utf-8", errors="replace")

    def init_milliseconds(self) -> float | None:
        """Return how long the latest successful cold start took; None before the first."""
        loaded, found = False, None
        for line in self.logs().splitlines():
            if ended := INIT_ENDED.search(line):
                loaded = ended["status"] == "success"
            elif loaded and (report := COLD_START.search(line)):
                found = float(report["milliseconds"])
        return found

    def stop(self) -> None:
        """End the emulator and the handler, also in the middle of a call."""
        self._stopped = True
        if self._process is not None:
            self._process.end()
        if self._scratch is not None:
            self._final_log = self.logs()
            self._scratch.cleanup()
            self._scratch = None

    def _post(self, process: "EmulatorProcess", payload: bytes) -> tuple[int, bytes]:
        patience = self._timeout + GRACE_SECONDS
        try:
            return post(process.port, INVOCATION_PATH, payload, seconds=patience)
        except (OSError, HTTPException) as error:
            # Whatever state it is in, the next call gets a fresh one.
            process.end()
            raise InvocationError(f"The emulator ended during the call: {error!r}") from error

    def _started_process(self) -> "EmulatorProcess":
        if self._process is not None and self._process.alive:
            return self._process
        for _ in range(START_ATTEMPTS):
            if self._stopped:
                raise InvocationError("The emulator was stopped.")
            self._process = self._launch()
            if self._process.listens() and not self._stopped:
                return self._process
            self._process.end()
        raise CommandError(f"The Lambda emulator did not start:\n{self.logs()[-2000:]}")


def lambda_environment(
    directory: Path, timeout_seconds: int, memory_megabytes: int, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment that a handler has on Lambda.

    The caller's own variables are inherited, save those of AWS: the developer's profile, keys and
    endpoints must not become the handler's.
    """
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


class EmulatorProcess:
    """One run of the emulator on two free ports, from its start to its end."""

    def __init__(
        self,
        binary: Path,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        """Start it without waiting; `listens` waits."""
        self.port, self._runtime_port = free_ports(2)
        # Without addresses the emulator would listen on every interface.
        addresses = [
            *("--runtime-interface-emulator-address", f"{LOOPBACK}:{self.port}"),
            *("--runtime-api-address", f"{LOOPBACK}:{self._runtime_port}"),
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(binary), *addresses, *command],
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A terminal's Ctrl-C must reach the front alone, which then ends things in order.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Return whether it runs; it ends by itself if a port was taken in the meantime."""
        return self._process.poll() is None

    def listens(self) -> bool:
        """Wait until it takes calls; return False if it ended or took too long."""
        ports = (self.port, self._runtime_port)
        return wait_until(lambda: listens(*ports), self._process, START_SECONDS)

    def end(self) -> None:
        """End it and its runtime, also in the middle of a call."""
        # On SIGTERM the emulator kills the runtime, which has a process group of its own.
        end(self._process, STOP_SECONDS)
