"""Every locked package has a wheel for what the images are built for. Asks the package index."""

import re
import subprocess
import sys

import pytest

from tests.commands import REPOSITORY

pytestmark = pytest.mark.integration

# AWS's image is Amazon Linux 2023 with glibc 2.34, the slim Python image Debian 13 with 2.41.
LAMBDA, SERVER = "manylinux_2_34", "manylinux_2_40"


def install(requirements, python, platform, folder):
    """Resolve and pick wheels as for another machine, without downloading any."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--target", str(folder)),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--python-version", python, "--python-platform", platform),
            *("--requirement", str(REPOSITORY / "function" / requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def python_of(dockerfile):
    base = re.search(r"^FROM \S+:(3\.\d+)\S* AS base$", (REPOSITORY / dockerfile).read_text(), re.M)
    assert base
    return base[1]


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("dockerfile", "requirements", "libc"),
    [
        ("Dockerfile.lambda", "requirements.txt", LAMBDA),
        ("Dockerfile.ecs-gpu", "requirements-server.txt", SERVER),
        ("Dockerfile.ecs-gpu", "requirements-torch.txt", SERVER),
    ],
)
def test_every_locked_wheel_fits_the_image(dockerfile, requirements, libc, architecture, tmp_path):
    done = install(requirements, python_of(dockerfile), f"{architecture}-{libc}", tmp_path)
    assert done.returncode == 0, done.stderr
    locked = re.findall(r"^[\w.-]+==", (REPOSITORY / "function" / requirements).read_text(), re.M)
    assert 0 < len(re.findall(r"^ \+ ", done.stderr, re.M)) <= len(locked)


def test_an_older_base_would_be_noticed(tmp_path):
    """numpy and ONNX Runtime want glibc 2.27 and 2.28: on one of 2.17 the check fails."""
    done = install("requirements.txt", "3.13", "x86_64-manylinux_2_17", tmp_path)
    assert done.returncode != 0
    assert re.search("Wheels are required for `(numpy|onnxruntime)`", done.stderr)
