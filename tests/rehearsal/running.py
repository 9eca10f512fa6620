"""Versions of the function that run: images pulled by digest, each under Lambda's emulator."""

import json
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from scripts.deploy.smoke import ASKER, HARDENED, LAMBDAS_USER
from scripts.emulate.protocol import InvocationError, read_answer
from scripts.emulate.runtime import INVOCATION_PATH
from tests.container.podman import Podman
from tests.rehearsal.docker import EMULATOR


class Running:
    """Containers by image and settings, started when they are first asked."""

    def __init__(self, podman: Podman, registry: str, emulator: str) -> None:
        """registry: host and port, where images are pulled from."""
        self._podman, self._registry, self._emulator = podman, registry, emulator
        self._open = ExitStack()
        self._askers: dict[tuple[str, str], subprocess.Popen[str]] = {}
        self._one_at_a_time = threading.Lock()  # two calls at once crash the emulator

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def invoke(self, image: str, environment: Mapping[str, str], event: Any) -> Any:
        """What the function answers. image: `REPOSITORY@sha256:...`. Raises InvocationError."""
        with self._one_at_a_time:
            asker = self._asker(image, environment)
            line = json.dumps([INVOCATION_PATH, json.dumps(event)])
            if asker.stdin is None or asker.stdout is None or asker.poll() is not None:
                raise InvocationError(f"{image}: its container has ended")
            asker.stdin.write(line + "\n")
            asker.stdin.flush()
            status, body = json.loads(asker.stdout.readline() or '[0, "nothing came back"]')
        return read_answer(status, body.encode())

    def _asker(self, image: str, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        key = (image, json.dumps(dict(environment), sort_keys=True))
        if key not in self._askers:
            reference = f"{self._registry}/{image}"
            self._podman("pull", "--quiet", "--tls-verify=false", reference)
            container = self._open.enter_context(
                self._podman.running(
                    reference,
                    *HARDENED,
                    LAMBDAS_USER,
                    f"--volume={self._emulator}:{EMULATOR}:ro",
                    *(f"--env={name}={value}" for name, value in environment.items()),
                )
            )
            command = ["podman", "exec", "--interactive", container.name, "python3", "-c", ASKER]
            asker = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._podman.environment,
            )
            self._open.callback(_end, asker)
            self._askers[key] = asker
        return self._askers[key]


def _end(asker: "subprocess.Popen[str]") -> None:
    asker.kill()
    asker.communicate()
