"""Docker's command line."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.common.errors import CommandError, UsageError


def docker(*arguments: str, given: str | None = None) -> None:
    """Run one of its commands; what it prints goes to stderr. given: by stdin.

    Raises CommandError where it fails, UsageError where it is not there.
    """
    _run(arguments, given, sys.stderr.fileno())


def docker_says(*arguments: str, given: str | None = None) -> str:
    """What one of its commands prints. Raises as `docker` does."""
    return _run(arguments, given, subprocess.PIPE)


@contextmanager
def container(image: str, *options: str) -> Iterator[str]:
    """The name of a container in the background, removed in the end. Raises as `docker` does."""
    name = docker_says("run", "--detach", *options, image).strip()
    try:
        yield name
    finally:
        docker_says("rm", "--force", name)


def logs(name: str) -> str:
    """The last of what a container wrote, to both streams."""
    command = [_tool(), "logs", "--tail=20", name]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.strip()


def _run(arguments: tuple[str, ...], given: str | None, stdout: int) -> str:
    done = subprocess.run([_tool(), *arguments], input=given, text=True, stdout=stdout, check=False)
    if done.returncode:
        raise CommandError(f"docker {arguments[0]} failed; see above")
    return done.stdout or ""


def _tool() -> str:
    found = shutil.which("docker")
    if found is None:
        raise UsageError("docker is not there; install it, with buildx, or give an image's digest")
    return found
