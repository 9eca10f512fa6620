"""A command with all that it starts, ended together: a build goes on by itself otherwise."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.common.errors import CommandError

SECONDS = 240
PATIENCE_SECONDS = 10


def in_group(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder. Whatever ends the wait ends its processes too.

    Raises CommandError where it takes too long.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=SECONDS)
    except BaseException as error:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE_SECONDS)
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandError(f"it took more than {SECONDS} seconds: {command}") from error
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
