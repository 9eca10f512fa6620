"""A command that ends takes its children with it."""

import sys
import time
from pathlib import Path

import pytest

from scripts.common.errors import CommandError
from tests.rehearsal import environment

CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, file=open("pid", "w"), flush=True)
child.wait()
"""


def test_output_and_exit_code_are_returned(tmp_path):
    code = "import os, sys; print(os.environ['A']); print('b', file=sys.stderr); sys.exit(3)"
    done = environment.run_group([sys.executable, "-c", code], tmp_path, {"A": "a"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "a\n", "b\n")


def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "SECONDS", 2)
    with pytest.raises(CommandError, match="more than 2 seconds"):
        environment.run_group([sys.executable, "-c", CHILD], tmp_path, {})
    child = Path("/proc", (tmp_path / "pid").read_text().strip(), "status")
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(status):
    """Return whether a process exists and is no zombie."""
    try:
        return "State:\tZ" not in status.read_text()
    except OSError:
        return False
