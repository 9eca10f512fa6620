"""The rehearsal, as `make rehearse` runs it: it leaves nothing, and names what fails."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.commands import REPOSITORY

pytestmark = pytest.mark.container

SECONDS = 900
STEPS = [
    "start what stands in",
    "first publish, image, smoke test, live",
    "a push: another digest, the same model",
    "scheduled refresh: a better model is found, built, deployed",
    "scheduled refresh: a worse model is refused",
    "a canary fails; then a push",
    "a broken image never leaves",
    "rollback",
]


def start(*arguments, **variables):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def left_behind(podman):
    """Return what a rehearsal has left: files, containers, mounts, processes, images."""

    def find():
        found = set(map(str, Path(tempfile.gettempdir()).glob("evergreen-rehearsal-*")))
        found |= set(podman("ps", "--all", "--quiet", "--external").split())
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        found |= {line.split()[1] for line in mounts if "evergreen-rehearsal-" in line}
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            if "evergreen-rehearsal-" in command:
                found.add(command)
        found |= set(podman("images", "--format", "{{.Repository}}").split())
        return found

    before = find()
    return lambda: find() - before - {"localhost/evergreen-rehearsal"}


def test_every_step_is_walked_and_nothing_is_left(tmp_path, left_behind):
    path = tmp_path / "timeline.json"
    process = start("--json", str(path), "--limit", str(SECONDS))
    out, err = process.communicate()
    print(out)
    assert process.returncode == 0, err
    timeline = json.loads(path.read_text())
    assert [step["name"] for step in timeline["steps"]] == STEPS
    assert all(step["asserted"] for step in timeline["steps"][1:])
    for stands_in in ("moto", "docker-registry", "podman", "Debian"):
        assert stands_in in out
    assert left_behind() == set()


def test_stopped_half_way_it_names_the_step_and_takes_everything_down(left_behind):
    process = start()
    assert process.stdout
    for line in process.stdout:
        if STEPS[1] in line:
            break
    time.sleep(8)  # somewhere in the first build
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"error: step 2, '{STEPS[1]}': it was stopped" in err
    assert left_behind() == set()


def test_without_podman_it_says_what_is_missing_and_how_to_get_it(tmp_path):
    process = start(PATH=str(tmp_path))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "here is no podman and no docker-registry" in err
    assert "sudo apt-get install podman runc docker-registry" in err
    assert STEPS[1] not in out
