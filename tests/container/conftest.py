"""The images, built once."""

from pathlib import Path

import pytest

from tests.commands import REPOSITORY
from tests.container.bases import lambda_base, require, server_base
from tests.container.machine_pip import pip_build_options
from tests.container.podman import Podman

NAME = "localhost/evergreen-test"


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    require(podman="podman runc")
    folder = tmp_path_factory.mktemp("podman")
    return Podman(folder, pip_build_options(folder))


@pytest.fixture(scope="session")
def lambda_stand_in(podman: Podman) -> str:
    return lambda_base(podman)


@pytest.fixture(scope="session")
def server_stand_in(podman: Podman) -> str:
    return server_base(podman)


@pytest.fixture(scope="session")
def lambda_image(podman: Podman, lambda_stand_in: str) -> str:
    """The image of `docker build -f Dockerfile.lambda .`: production models of registry/."""
    return podman.build(
        REPOSITORY / "Dockerfile.lambda",
        f"{NAME}:lambda",
        REPOSITORY,
        f"--build-arg=BASE_IMAGE={lambda_stand_in}",
    )


@pytest.fixture(scope="session")
def cpu_image(podman: Podman, server_stand_in: str) -> str:
    return podman.build(
        REPOSITORY / "Dockerfile.ecs-gpu",
        f"{NAME}:cpu",
        REPOSITORY,
        f"--build-arg=BASE_IMAGE={server_stand_in}",
        "--build-arg=VARIANT=cpu",
    )


@pytest.fixture(scope="session")
def emulator() -> Path:
    """Lambda's emulator, which AWS's base image brings and the stand-in does not."""
    from scripts.emulate.binary import emulator_binary

    return emulator_binary()
