import json
import threading

import pytest

from function.core.artifact import open_artifact
from function.core.errors import ArtifactError
from scripts.lifecycle.errors import RegistryError
from scripts.lifecycle.registry import Registry, open_registry
from tests.tiny import write_artifact


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry")


@pytest.fixture
def other(tmp_path):
    return open_artifact(write_artifact(tmp_path / "other", temperature=2.0))


def test_a_published_version_can_be_opened(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    assert registry.open("sentiment", version).digest == open_artifact(artifact).digest
    assert registry.versions("sentiment") == [version]
    assert registry.models() == ["sentiment"]


def test_publishing_again_changes_nothing(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    assert registry.publish(open_artifact(artifact)) == version
    assert len(registry.versions("sentiment")) == 1


def test_a_damaged_artifact_is_not_published(registry, artifact):
    opened = open_artifact(artifact)
    graph = artifact / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[0] ^= 1
    graph.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.publish(opened)
    assert registry.versions("sentiment") == []


def test_a_version_without_its_manifest_does_not_exist_and_can_be_completed(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    folder = registry.open("sentiment", version).path
    (folder / "manifest.json").unlink()
    assert registry.versions("sentiment") == []
    with pytest.raises(RegistryError, match="no version"):
        registry.open("sentiment", version)
    registry.publish(open_artifact(artifact))
    assert registry.versions("sentiment") == [version]


def test_other_content_under_a_version_is_refused(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    path = registry.open("sentiment", version).path / "manifest.json"
    path.write_text(path.read_text().replace('"temperature": 1.0', '"temperature": 9.0'))
    with pytest.raises(RegistryError, match="tampered"):
        registry.open("sentiment", version)
    with pytest.raises(RegistryError, match="other content"):
        registry.publish(open_artifact(artifact))


def test_an_alias_moves_and_remembers(registry, artifact, other):
    first, second = registry.publish(open_artifact(artifact)), registry.publish(other)
    registry.move("sentiment", "production", first, "test")
    moved = registry.move("sentiment", "production", second, "test")
    assert (moved.version, moved.previous) == (second, first)
    assert registry.alias("sentiment", "production") == moved


def test_promoting_what_is_current_changes_nothing(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    once = registry.move("sentiment", "production", version, "test")
    assert registry.move("sentiment", "production", version, "again") == once


def test_an_unpublished_version_cannot_be_promoted(registry, artifact):
    registry.publish(open_artifact(artifact))
    with pytest.raises(RegistryError, match="no version '20200101-00000000'"):
        registry.move("sentiment", "production", "20200101-00000000", "test")
    assert registry.alias("sentiment", "production") is None


def test_racing_moves_leave_a_chain_without_gaps(registry, tmp_path):
    versions = [
        registry.publish(open_artifact(write_artifact(tmp_path / f"v{n}", temperature=1 + n)))
        for n in range(6)
    ]
    moves = []
    threads = [
        threading.Thread(target=lambda v=v: moves.append(registry.move("sentiment", "p", v, "r")))
        for v in versions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    previous = sorted(str(move.previous) for move in moves)
    last = registry.alias("sentiment", "p")
    assert previous == sorted({*map(str, versions), "None"} - {last.version})


def test_a_pulled_model_is_a_whole_artifact(registry, artifact, tmp_path):
    version = registry.publish(open_artifact(artifact))
    pulled = registry.pull("sentiment", version, tmp_path / "out")
    assert pulled.path == tmp_path / "out" / "sentiment"
    assert pulled.version == version


def test_a_pull_replaces_what_was_there(registry, artifact, other, tmp_path):
    first, second = registry.publish(open_artifact(artifact)), registry.publish(other)
    registry.pull("sentiment", first, tmp_path / "out")
    assert registry.pull("sentiment", second, tmp_path / "out").version == second
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sentiment"]


def test_a_corrupted_version_is_not_pulled_and_the_old_model_stays(
    registry, artifact, other, tmp_path
):
    first, second = registry.publish(open_artifact(artifact)), registry.publish(other)
    registry.pull("sentiment", first, tmp_path / "out")
    graph = registry.open("sentiment", second).path / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.pull("sentiment", second, tmp_path / "out")
    assert open_artifact(tmp_path / "out" / "sentiment").version == first


@pytest.mark.parametrize("name", ["..", "a/b", "", "a\\b"])
def test_names_cannot_leave_the_registry(registry, name):
    with pytest.raises(RegistryError, match="not a name"):
        registry.open("sentiment", name)


def test_an_alias_file_of_something_else_is_named(registry, artifact):
    version = registry.publish(open_artifact(artifact))
    registry.move("sentiment", "production", version, "test")
    (path,) = (artifact.parent.parent / "registry").glob("*/aliases/*.json")
    path.write_text(json.dumps({"version": version}))
    with pytest.raises(RegistryError, match=r"production\.json: not an alias"):
        registry.alias("sentiment", "production")


def test_a_location_that_is_no_directory_is_refused():
    with pytest.raises(RegistryError, match="directory"):
        open_registry("s3://bucket/prefix")
