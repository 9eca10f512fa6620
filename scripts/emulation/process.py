"""The emulator's process: two free ports, started, listening, ended."""

import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.emulation.environment import LOOPBACK

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
