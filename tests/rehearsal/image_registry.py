"""Debian's image registry instead of ECR's storage: real pushes, real digests."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK

CONFIGURATION = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
"""
TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json"
)
START_SECONDS, STOP_SECONDS = 20, 5


@dataclass(frozen=True)
class ImageRegistry:
    """A running registry. address: host and port."""

    address: str

    def manifest(self, repository: str, reference: str) -> tuple[str, str, str]:
        """Return digest, content and media type of a manifest, by tag or digest.

        Raises CommandError where there is none.
        """
        request = urllib.request.Request(
            f"http://{self.address}/v2/{repository}/manifests/{reference}",
            headers={"accept": TYPES},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                headers = response.headers
                digest, media_type = headers["docker-content-digest"], headers["content-type"]
                return digest, response.read().decode(), media_type
        except OSError as error:
            raise CommandError(f"{repository}:{reference}: {error}") from error

    def layers(self, repository: str, digest: str) -> list[str]:
        """Return the digests of an image's layers, the lowest first."""
        document: dict[str, Any] = json.loads(self.manifest(repository, digest)[1])
        return [layer["digest"] for layer in document["layers"]]

    def tags(self, repository: str) -> set[str]:
        """Return all tags of a repository."""
        address = f"http://{self.address}/v2/{repository}/tags/list"
        try:
            with urllib.request.urlopen(address, timeout=10) as response:
                return set(json.load(response)["tags"] or [])
        except urllib.error.HTTPError:  # nothing was ever pushed there
            return set()


@contextmanager
def image_registry(folder: Path) -> Iterator[ImageRegistry]:
    """Run a registry on loopback, with its data in a new folder, until the block ends."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        address = f"{LOOPBACK}:{probe.getsockname()[1]}"
    configuration = folder / "config.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder, address=address))
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(configuration)],
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait(address, process, log)
        yield ImageRegistry(address)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://{address}/v2/", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise CommandError(f"docker-registry did not start:\n{log.read_text()[-2000:]}")
