"""A server's container, hardened as compose.yaml and ECS harden it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.container.podman import Container, Podman

HARDENED = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
START_SECONDS = 120


@contextmanager
def server(podman: Podman, image: str, *options: object) -> Iterator[tuple[Container, str]]:
    """Start a server and wait until it is ready; yield its container and address."""
    publish = "--publish=127.0.0.1::8080"
    with podman.running(image, *HARDENED, publish, *options) as container:
        address = f"http://{podman('port', container.name, '8080').strip()}"
        wait_until_ready(address, container)
        yield container, address


def wait_until_ready(address: str, container: Container) -> None:
    """Fail, with its log, where it does not become ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and container.state()["Running"]:
        try:
            urllib.request.urlopen(f"{address}/health/ready", timeout=5).close()
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server did not become ready:\n{container.logs()[-3000:]}")


def predict(address: str, inputs: str | list[str]) -> dict[str, Any]:
    """Return the answer for a text, or for several."""
    request = urllib.request.Request(
        f"{address}/v1/predict",
        json.dumps({"inputs": inputs}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def stop(podman: Podman, container: Container, seconds: int = 30) -> tuple[int, float]:
    """Stop a container; return its exit code and the seconds that it took."""
    began = time.monotonic()
    podman("stop", "--time", seconds, container.name)
    return container.state()["ExitCode"], time.monotonic() - began
