"""The stage's Lambda: moto keeps its versions and its alias, containers run them."""

import itertools
import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from scripts.deploy.smoke import CLIENT, HARDENED, LAMBDA_USER
from scripts.emulate.protocol import InvocationError, read_answer
from scripts.emulate.runtime import INVOCATION_PATH
from tests.container.podman import Podman
from tests.rehearsal.docker import EMULATOR
from tests.stand_ins.lambda_versions import CANARY_SHARE, LambdaVersions

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Containers:
    """Containers of images, each under Lambda's emulator, started when they are first invoked."""

    def __init__(self, podman: Podman, registry: str, emulator: str) -> None:
        """registry: host and port that images are pulled from. emulator: its file."""
        self._podman, self._registry, self._emulator = podman, registry, emulator
        self._open = ExitStack()
        self._clients: dict[tuple[str, str], subprocess.Popen[str]] = {}
        self._one_at_a_time = threading.Lock()  # two calls at once crash the emulator

    def __enter__(self) -> "Containers":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def invoke(self, image: str, settings: Mapping[str, str], event: Any) -> Any:
        """Return the function's response to an event. Raises InvocationError.

        Args:
            image: `REPOSITORY@sha256:...`.
            settings: The function's environment variables.
        """
        with self._one_at_a_time:
            client = self._client(image, settings)
            if client.stdin is None or client.stdout is None or client.poll() is not None:
                raise InvocationError(f"{image}: its container has ended")
            client.stdin.write(json.dumps([INVOCATION_PATH, json.dumps(event)]) + "\n")
            client.stdin.flush()
            status, body = json.loads(client.stdout.readline() or '[0, "nothing came back"]')
        return read_answer(status, body.encode())

    def _client(self, image: str, settings: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Return the client that sends requests inside the container of an image."""
        key = (image, json.dumps(dict(settings), sort_keys=True))
        if key not in self._clients:
            reference = f"{self._registry}/{image}"
            self._podman("pull", "--quiet", "--tls-verify=false", reference)
            container = self._open.enter_context(
                self._podman.running(
                    reference,
                    *HARDENED,
                    LAMBDA_USER,
                    f"--volume={self._emulator}:{EMULATOR}:ro",
                    *(f"--env={name}={value}" for name, value in settings.items()),
                )
            )
            program = CLIENT.read_text(encoding="utf-8")
            client = subprocess.Popen(
                [*("podman", "exec", "--interactive", container.name, "python3", "-c"), program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._podman.environment,
            )
            self._open.callback(_end, client)
            self._clients[key] = client
        return self._clients[key]


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


class ContainerFunction(LambdaVersions):
    """One function, whose versions can be invoked.

    Args:
        settings: Returns the environment variables that the stack gives the function.
    """

    def __init__(
        self,
        name: str,
        client: "LambdaClient",
        containers: Containers,
        settings: Callable[[], Mapping[str, str]],
    ) -> None:
        super().__init__(name, client)
        self._containers, self._settings = containers, settings
        self._requests = itertools.count(1)

    def invoke_version(self, arn: str, event: Any) -> Any:
        """Return the response of the version of an ARN. Raises InvocationError."""
        image = self.image(arn.rpartition(":")[2]).partition("/")[2]
        return self._containers.invoke(image, self._settings(), event)

    def invoke(self, event: Any) -> Any:
        """Return the response that a caller gets: one in ten comes from the canary, if any."""
        version, canary = self.live()
        turn = next(self._requests) % round(1 / CANARY_SHARE) == 0
        return self.invoke_version(canary if canary and turn else version, event)
