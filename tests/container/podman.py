"""Podman, as far as it is needed here: build, run, look inside."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError

# Without a daemon and, in a container or a small virtual machine, without systemd.
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
RUNC = 'runtime = "runc"\n'
SECONDS = 1200


class PodmanError(CommandError):
    """Podman failed; the message holds the command and the end of what it said."""


class Podman:
    """The command with a configuration of its own, in images and containers of the machine."""

    def __init__(
        self,
        folder: Path,
        build_options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """folder: a scratch folder. build_options: what every build gets. variables: of its
        environment, beside this process's own."""
        configuration = folder / "containers.conf"
        configuration.write_text(CONFIGURATION + (RUNC if shutil.which("runc") else ""))
        self.environment = {
            **os.environ,
            **(variables or {}),
            "CONTAINERS_CONF": str(configuration),
        }
        self.build_options, self._folder = build_options, folder

    def __call__(self, *arguments: object, stdin: str | None = None) -> str:
        """What a command prints. Raises PodmanError."""
        command = ["podman", *map(str, arguments)]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=self.environment,
            cwd=self._folder,  # where it leaves a file when a container runs out of memory
        )
        if done.returncode:
            raise PodmanError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout

    def build(self, dockerfile: Path, tag: str, context: Path, *arguments: object) -> str:
        """Build an image; its tag."""
        # Docker's format, because the other one has no health checks.
        options = ["--quiet", "--format", "docker", *self.build_options, *arguments]
        self("build", *options, "--file", dockerfile, "--tag", tag, context)
        return tag

    def inspect(self, name: str, kind: str = "image") -> dict[str, Any]:
        """How an image or a container describes itself."""
        found: dict[str, Any] = json.loads(self(kind, "inspect", name))[0]
        return found

    def files(self, image: str) -> dict[str, tarfile.TarInfo]:
        """Everything in an image that is no folder, by path."""
        container = self("create", "--entrypoint", "none", image).strip()
        exporting = subprocess.Popen(
            ["podman", "export", container], stdout=subprocess.PIPE, env=self.environment
        )
        try:
            with tarfile.open(fileobj=exporting.stdout, mode="r|") as archive:
                return {entry.name: entry for entry in archive if not entry.isdir()}
        finally:
            exporting.communicate(timeout=SECONDS)
            self("rm", container)

    @contextmanager
    def running(self, image: str, *options: object, command: str = "") -> Iterator["Container"]:
        """A container in the background, removed in the end."""
        started = self("run", "--detach", *options, image, *command.split()).strip()
        try:
            yield Container(self, started)
        finally:
            self("rm", "--force", "--time", "0", started)


@dataclass(frozen=True)
class Container:
    """One that was started."""

    podman: Podman
    name: str

    def python(self, code: str, stdin: str | None = None) -> str:
        """What a program prints that runs inside, on the image's own Python."""
        return self.podman("exec", "--interactive", self.name, "python3", "-c", code, stdin=stdin)

    def logs(self) -> str:
        """All that was written so far, to both streams."""
        command = ["podman", "logs", self.name]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=60,
            env=self.podman.environment,
        )
        return done.stdout

    def state(self) -> dict[str, Any]:
        """Whether it runs, how it ended."""
        return dict(self.podman.inspect(self.name, "container")["State"])
