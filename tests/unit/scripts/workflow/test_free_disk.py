"""Room for a large image, on a runner that has little."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from scripts.common.errors import CommandError
from scripts.workflow import free_disk


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command on a disk with some gigabytes free; return its output and its deletions."""

    def command(free, wanted, runner="github-hosted"):
        removed = []
        monkeypatch.setenv("RUNNER_ENVIRONMENT", runner)
        monkeypatch.setattr(sys, "argv", ["free_disk", f"--gigabytes={wanted}"])
        usage = SimpleNamespace(free=free * free_disk.BYTES)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        monkeypatch.setattr(subprocess, "run", lambda words, **_: removed.extend(words))
        free_disk.main()
        return capsys.readouterr().out, removed

    return command


def test_tools_that_no_job_uses_make_room(run):
    out, removed = run(40, 30)
    assert removed[:3] == ["sudo", "rm", "-rf"]
    assert "/usr/local/lib/android" in removed
    assert out == "40 GB are free, 30 are wanted\n"


def test_a_machine_that_is_not_githubs_is_left_as_it_is(run):
    assert run(40, 30, "self-hosted")[1] == []


def test_a_disk_that_stays_too_small_stops_the_build_before_it_begins(run):
    with pytest.raises(CommandError, match=r"29 GB are free on this runner, .* takes 30: let RUNN"):
        run(29, 30)
