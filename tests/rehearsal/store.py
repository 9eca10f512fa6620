"""A temporary store of podman's images and containers.

It reads the machine's images, and uses them as layers; nothing is added to them.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.container.podman import Podman, PodmanError

CONFIGURATION = """
[storage]
driver = "{driver}"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = ["{machine}"]
"""


@contextmanager
def temporary_store(folder: Path, machine: Podman) -> Iterator[Podman]:
    """Yield podman with a store in a new folder. machine: podman with the machine's store."""
    folder.mkdir()
    found = json.loads(machine("info", "--format", "json"))["store"]
    configuration = folder / "storage.conf"
    configuration.write_text(
        CONFIGURATION.format(
            driver=found["graphDriverName"], folder=folder, machine=found["graphRoot"]
        )
    )
    variables = {"CONTAINERS_STORAGE_CONF": str(configuration)}
    podman = Podman(folder, machine.build_options, variables)
    try:
        yield podman
    finally:
        with suppress(PodmanError):
            podman("rm", "--all", "--force", "--time", "0")
        _remove(folder, podman)


def _remove(folder: Path, podman: Podman) -> None:
    if os.getuid() != 0:  # files belong to users that exist only inside
        with suppress(PodmanError):
            podman("unshare", "rm", "-rf", folder / "graph", folder / "run")
    else:
        for mount in reversed(_mounts(folder)):
            subprocess.run(["umount", mount], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _mounts(folder: Path) -> list[str]:
    """Return the mount points below a folder."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1] for line in lines]
    return [point for point in points if point.startswith(f"{folder}/")]
