"""Serve the Lambda handler under Lambda's own runtime client and emulator, behind HTTP on loopback.

It takes plain HTTP, as behind API Gateway, and raw events where AWS's emulator does.
"""

import argparse
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Self

from scripts.common.command_line import command_parser, run
from scripts.common.errors import MissingExtraError
from scripts.common.processes import LOOPBACK
from scripts.emulate.binary import BINARY
from scripts.emulate.gateway import Front
from scripts.emulate.runtime import COLD_START, INIT_ENDED, INVOCATION_PATH, LambdaEmulator

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.2
# Its REPORT lines go too: their memory and init figures are made up.
CHATTER = re.compile(r"\d+ \w+ \d+ [\d:,]+ \[INFO\] \(rapid\) |START RequestId|END Req|REPORT Req")


def main() -> None:
    """Serve until a signal; the exit code is 0 then, 2 where the port is taken."""
    arguments = _arguments()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        _require_runtime(arguments.python)
        _serve(arguments)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)


def _require_runtime(python: str) -> None:
    """Raise MissingExtraError unless an interpreter has AWS's runtime client."""
    with suppress(OSError):
        if not subprocess.run(
            [python, "-c", "import awslambdaric"], capture_output=True
        ).returncode:
            return
    raise MissingExtraError(f"{python} has no awslambdaric: run 'make lambda', which installs it")


def _serve(arguments: argparse.Namespace) -> None:
    log = BINARY.parent / f"port-{arguments.port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    emulator = LambdaEmulator(
        arguments.handler,
        timeout_seconds=arguments.timeout,
        memory_megabytes=arguments.memory,
        log_path=log,
        python=arguments.python,
    )
    # The port comes first: where it is taken, nothing has been fetched or started yet.
    with Front(arguments.port, emulator, emulator.pass_on) as front, emulator, LogFollower(log):
        address = f"http://{LOOPBACK}:{front.server_address[1]}"
        print(f"{arguments.handler} on {address} (first call: cold start)", file=sys.stderr)
        print(f"Raw events: POST {address}{INVOCATION_PATH}", file=sys.stderr)
        print(
            f"Full log: {log}; its 'Max Memory Used' repeats the setting. Ctrl-C ends it.",
            file=sys.stderr,
            flush=True,
        )
        front.serve_forever()


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once only: a second signal must not interrupt the orderly end.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.emulate", __doc__)
    parser.add_argument("--port", type=int, default=8080, help="on loopback; 0 for any free one")
    parser.add_argument("--handler", default="function.lambda_handler.handler")
    parser.add_argument(
        "--memory",
        type=int,
        default=1769,
        metavar="MB",
        help="in the handler's environment, not enforced",
    )
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter that has awslambdaric"
    )
    parser.add_argument("--timeout", type=int, default=30, metavar="SECONDS")
    return parser.parse_args()


class LogFollower:
    """Copies a log to the terminal as it grows, without the emulator's own chatter.

    Cold starts and failed ones are reported in a line of their own. Use it as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._position, self._loaded = path, 0, False
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()
        self._copy(all_of_it=True)

    def _follow(self) -> None:
        while not self._left.wait(POLL_SECONDS):
            self._copy(all_of_it=False)

    def _copy(self, *, all_of_it: bool) -> None:
        with self._path.open("rb") as log:
            log.seek(self._position)
            new = log.read()
        if not all_of_it:
            # A line that is still being written waits for its end.
            new = new[: new.rfind(b"\n") + 1]
        self._position += len(new)
        for line in new.decode(errors="replace").splitlines():
            self._show(line)

    def _show(self, line: str) -> None:
        if init := INIT_ENDED.search(line):
            self._loaded = init["status"] == "success"
            if not self._loaded:
                print("The handler could not be loaded.", file=sys.stderr)
        elif (cold_start := COLD_START.search(line)) and self._loaded:
            print(f"Cold start: {float(cold_start['milliseconds']):.0f} ms", file=sys.stderr)
        elif line.strip() and not CHATTER.match(line):
            print(line, file=sys.stderr)


if __name__ == "__main__":
    run(main)
