"""Base images in tests and in the rehearsal.

LAMBDA_BASE_IMAGE and SERVER_BASE_IMAGE name the real bases where they can be pulled, or the
Dockerfile that pins one. Else Debian replaces both: its packages, unpacked by mmdebstrap, with the
same minor version of Python. It differs from AWS's base in the C library (2.41, not 2.34;
test_wheels.py covers that) and in other files; the runtime client is AWS's own.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.common.errors import CommandError, UsageError
from tests.commands import REPOSITORY
from tests.container.podman import SECONDS, Podman, PodmanError

FOLDER = Path(__file__).parent / "base_images"
RUNTIME_VERSION = "4.2.2"
PYTHON_3_13, PYTHON_3_11 = "trixie", "bookworm"
PACKAGES = (
    "base-files,base-passwd,ca-certificates,coreutils,dash,libc-bin,libstdc++6,passwd,"
    "python3,python3-venv"
)
PINNED = re.compile(r"^FROM (\S+:\S+@sha256:[0-9a-f]{64}) AS base$", re.MULTILINE)
# Makes /bin, /lib and their like links into /usr, which a package of its own does on installation.
MERGED_USR = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"


def require(**packages: str) -> None:
    """Raise UsageError where a program is missing, and say how to install it.

    Args:
        packages: Packages of Debian, by their program.
    """
    missing = {program: names for program, names in packages.items() if not shutil.which(program)}
    if missing:
        raise UsageError(
            f"images are built and run with podman; here is no {' and no '.join(missing)}. "
            f"On Debian or Ubuntu: sudo apt-get install {' '.join(missing.values())}"
        )


def lambda_base(podman: Podman) -> str:
    """Return AWS's Python image, or its stand-in."""
    return _named("LAMBDA_BASE_IMAGE") or stand_in(podman, "lambda", PYTHON_3_13)


def server_base(podman: Podman, suite: str = PYTHON_3_13) -> str:
    """Return the slim Python image, or its stand-in."""
    return _named("SERVER_BASE_IMAGE") or stand_in(podman, "python", suite)


def pinned(dockerfile: Path) -> str:
    """Return the base image that a Dockerfile pins by its digest. Raises UsageError."""
    found = PINNED.search(dockerfile.read_text())
    if not found:
        raise UsageError(f"{dockerfile} pins no base: FROM IMAGE:TAG@sha256:... AS base")
    return found[1]


def _named(variable: str) -> str:
    """Return the base image that a variable of the environment names; empty for none."""
    value = os.environ.get(variable, "")
    dockerfile = REPOSITORY / value
    return pinned(dockerfile) if value and dockerfile.is_file() else value


def stand_in(podman: Podman, target: str, suite: str) -> str:
    """Return the image of a stage of `base_images/Dockerfile`, built where it is not there yet."""
    debian = f"localhost/evergreen-debian:{suite}-{_digest(PACKAGES.encode())}"
    recipe = b"".join(path.read_bytes() for path in sorted(FOLDER.iterdir()))
    inputs = f"{debian} {RUNTIME_VERSION}".encode() + recipe
    tag = f"localhost/evergreen-stand-in:{suite}-{target}-{_digest(inputs)}"
    if not _exists(podman, debian):
        _unpack(podman, suite, debian)
    if not _exists(podman, tag):
        podman.build(
            FOLDER / "Dockerfile",
            tag,
            FOLDER,
            f"--build-arg=DEBIAN={debian}",
            f"--build-arg=RUNTIME_VERSION={RUNTIME_VERSION}",
            f"--target={target}",
        )
    return tag


def _unpack(podman: Podman, suite: str, tag: str) -> None:
    require(mmdebstrap="mmdebstrap")
    with TemporaryDirectory() as scratch:
        archive = Path(scratch, "root.tar")
        options = ["--variant=extract", f"--include={PACKAGES}", MERGED_USR]
        done = subprocess.run(
            ["mmdebstrap", *options, suite, str(archive)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode:
            raise CommandError(f"mmdebstrap {suite}:\n{done.stderr[-2000:]}")
        podman("import", "--quiet", archive, tag)


def _exists(podman: Podman, tag: str) -> bool:
    try:
        podman("image", "exists", tag)
    except PodmanError:
        return False
    return True


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
