"""Docker's command line."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.common.errors import CommandError, UsageError


def docker(*arguments: str, stdin: str | None = None) -> None:
    """Run a command of Docker; its output goes to stderr.

    Raises CommandError if it fails, UsageError if Docker is not installed.
    """
    _run(arguments, stdin, sys.stderr.fileno())


def docker_output(*arguments: str, stdin: str | None = None) -> str:
    """Run a command of Docker and return its output. Raises as `docker` does."""
    return _run(arguments, stdin, subprocess.PIPE)


@contextmanager
def container(image: str, *options: str) -> Iterator[str]:
    """Run a container in the background and remove it in the end; yield its name."""
    name = docker_output("run", "--detach", *options, image).strip()
    try:
        yield name
    finally:
        docker_output("rm", "--force", name)


def logs(name: str) -> str:
    """Return the last lines of a container's output, of both streams."""
    command = [_program(), "logs", "--tail=20", name]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.strip()


def _run(arguments: tuple[str, ...], stdin: str | None, stdout: int) -> str:
    command = [_program(), *arguments]
    done = subprocess.run(command, input=stdin, text=True, stdout=stdout, check=False)
    if done.returncode:
        raise CommandError(f"docker {arguments[0]} failed; see above")
    return done.stdout or ""


def _program() -> str:
    found = shutil.which("docker")
    if found is None:
        raise UsageError("docker is not there; install it, with buildx, or give an image's digest")
    return found
