"""The stages that ship, and stages with every option, each synthesised once."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.stages import PROJECT, STAGES
from tests.infra.options import OPTIONS
from tests.infra.scaled import SCALED
from tests.infra.synthesis import DIGEST, Assembly, synthesise


@pytest.fixture(scope="session")
def project() -> ProjectConfiguration:
    """The project of a fork that filled in its repository."""
    return replace(
        PROJECT,
        repository=GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22),
    )


@pytest.fixture(scope="session")
def shipped(project: ProjectConfiguration) -> Iterator[Assembly]:
    """All stages as they are in the repository, with images."""
    assembly = synthesise(project, STAGES, function_image=DIGEST, server_image=DIGEST)
    yield assembly
    shutil.rmtree(assembly.folder)


@pytest.fixture(scope="session")
def options(project: ProjectConfiguration) -> Iterator[Assembly]:
    """Stages with every option, without images, of an account that trusts GitHub already."""
    chosen = replace(project, github_oidc="existing", retain_data=False)
    assembly = synthesise(chosen, OPTIONS)
    yield assembly
    shutil.rmtree(assembly.folder)


@pytest.fixture(scope="session")
def scaled(project: ProjectConfiguration) -> Iterator[Assembly]:
    """Stages with a service and bulk scoring, with images."""
    assembly = synthesise(project, SCALED, function_image=DIGEST, server_image=DIGEST)
    yield assembly
    shutil.rmtree(assembly.folder)


@pytest.fixture(scope="session", params=["shipped", "options", "scaled"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    """Return each set of stages in turn, for rules that hold for all."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Assembly)
    return found
