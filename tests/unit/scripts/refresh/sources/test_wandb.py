"""Artifacts of Weights & Biases. Its client is faked: its service cannot run on this machine.

What is faked is `wandb.Api` alone, with the attributes and errors that the real one has; the last
test holds the names of the fake against the installed client.
"""

import sys
from pathlib import Path
from shutil import copytree

import pytest
import wandb

from function.core.artifact import open_artifact
from scripts.common.errors import MissingExtraError, SourceError
from scripts.refresh.sources.source import Revision
from scripts.refresh.sources.wandb_artifact import WandbArtifact
from tests.tiny import write_artifact


class Artifact:
    def __init__(self, version, digest, folder, downloads):
        self.version, self.digest = version, digest
        self._folder, self._downloads = folder, downloads

    def download(self, root):
        self._downloads.append(self.version)
        return str(copytree(self._folder, Path(root) / "logged"))


class Service:
    """Artifacts by the name that they are asked by, and which were downloaded."""

    def __init__(self):
        self.artifacts, self.downloads, self.error = {}, [], None

    def log(self, name, version, digest, folder):
        artifact = Artifact(version, digest, folder, self.downloads)
        self.artifacts[f"{name}:latest"] = self.artifacts[f"{name}:{version}"] = artifact

    def artifact(self, name):
        if self.error:
            raise self.error
        if name not in self.artifacts:
            raise wandb.errors.CommError(f"artifact '{name}'\nnot found in 'team/project'")
        return self.artifacts[name]


@pytest.fixture
def service(monkeypatch, tmp_path):
    service = Service()
    service.log("team/project/model", "v0", "aa", write_artifact(tmp_path / "v0"))
    service.log("team/project/model", "v1", "bb", write_artifact(tmp_path / "v1", temperature=2.0))
    monkeypatch.setattr(wandb, "Api", lambda: service)
    return service


@pytest.fixture
def source():
    return WandbArtifact("team/project/model")


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "fetched"
    path.mkdir()
    return path


def test_the_latest_version_is_the_newest_and_costs_no_download(service, source):
    assert source.newest() == Revision("wandb:team/project/model", "v1-bb")
    assert service.downloads == []


def test_an_alias_names_its_version(service):
    service.artifacts["team/project/model:prod"] = service.artifacts["team/project/model:v0"]
    assert WandbArtifact("team/project/model:prod").newest().revision == "v0-aa"


def test_a_fetched_revision_is_that_version_even_where_a_newer_one_came(
    service, source, target, tmp_path
):
    revision = source.newest()
    service.log("team/project/model", "v2", "cc", tmp_path / "v0")
    fetched = open_artifact(source.fetch(revision, target))
    assert service.downloads == ["v1"]
    assert fetched.digest == open_artifact(tmp_path / "v1").digest


def test_a_version_that_was_given_again_is_not_fetched(service, source, target, tmp_path):
    revision = source.newest()
    service.log("team/project/model", "v1", "dd", tmp_path / "v0")
    with pytest.raises(SourceError, match="v1 was replaced"):
        source.fetch(revision, target)
    assert service.downloads == []


def test_an_unknown_artifact_is_one_line(service):
    with pytest.raises(SourceError, match=r"^wandb:team/project/other: not found: ") as raised:
        WandbArtifact("team/project/other").newest()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (wandb.errors.CommError("permission denied"), "access denied: set WANDB_API_KEY"),
        (wandb.errors.UsageError("No API key configured."), "access denied: set WANDB_API_KEY"),
        (ConnectionError("refused"), "ConnectionError: refused"),
    ],
)
def test_a_refusal_names_the_source_and_the_cause(service, source, error, said):
    service.error = error
    with pytest.raises(SourceError, match=f"^wandb:team/project/model: {said}"):
        source.newest()


def test_without_the_client_it_says_what_to_install(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"wandb is not installed.*'make tools'"):
        source.newest()


def test_the_fake_has_the_names_of_the_real_client():
    assert callable(wandb.Api.artifact)
    assert all(hasattr(wandb.Artifact, name) for name in ("version", "digest", "download"))
