"""A command takes all that it started with it."""

import sys
import time
from pathlib import Path

import pytest

from scripts.common.errors import CommandError
from tests.rehearsal import command

CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, file=open("pid", "w"), flush=True)
child.wait()
"""


def test_what_it_says_and_how_it_ends_is_told(tmp_path):
    code = "import os, sys; print(os.environ['A']); print('b', file=sys.stderr); sys.exit(3)"
    done = command.in_group([sys.executable, "-c", code], tmp_path, {"A": "a"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "a\n", "b\n")


def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "SECONDS", 2)
    with pytest.raises(CommandError, match="more than 2 seconds"):
        command.in_group([sys.executable, "-c", CHILD], tmp_path, {})
    child = Path("/proc", (tmp_path / "pid").read_text().strip(), "status")
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(status):
    """Whether a process is there and no zombie, which somebody has yet to look after."""
    try:
        return "State:\tZ" not in status.read_text()
    except OSError:
        return False
