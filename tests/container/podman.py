"""Podman's command line: build, run, inspect."""

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
    """Failure of podman, with the command and the end of its output."""


class Podman:
    """The command, with its own configuration, on the machine's images and containers."""

    def __init__(
        self,
        folder: Path,
        build_options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """folder: for scratch files. build_options: of every build. variables: of the environment,
        in addition to this process's."""
        configuration = folder / "containers.conf"
        configuration.write_text(CONFIGURATION + (RUNC if shutil.which("runc") else ""))
        self.environment = {
            **os.environ,
            **(variables or {}),
            "CONTAINERS_CONF": str(configuration),
        }
        self.build_options, self._folder = build_options, folder

    def __call__(self, *arguments: object, stdin: str | None = None) -> str:
        """Run a command; return its output. Raises PodmanError."""
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
        """Build an image; return its tag."""
        # Docker's format, because the other one has no health checks.
        options = ["--quiet", "--format", "docker", *self.build_options, *arguments]
        self("build", *options, "--file", dockerfile, "--tag", tag, context)
        return tag

    def inspect(self, name: str, kind: str = "image") -> dict[str, Any]:
        """Return the description of an image or a container."""
        found: dict[str, Any] = json.loads(self(kind, "inspect", name))[0]
        return found

    def files(self, image: str) -> dict[str, tarfile.TarInfo]:
        """Return all entries of an image but folders, by path."""
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
        """Run a container in the background, and remove it in the end."""
        started = self("run", "--detach", *options, image, *command.split()).strip()
        try:
            yield Container(self, started)
        finally:
            self("rm", "--force", "--time", "0", started)


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    podman: Podman
    name: str

    def python(self, code: str, stdin: str | None = None) -> str:
        """Run code inside, with the image's own Python; return its output."""
        return self.podman("exec", "--interactive", self.name, "python3", "-c", code, stdin=stdin)

    def logs(self) -> str:
        """Return all output so far, of both streams."""
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
        """Return the state: whether it runs, how it ended."""
        return dict(self.podman.inspect(self.name, "container")["State"])
