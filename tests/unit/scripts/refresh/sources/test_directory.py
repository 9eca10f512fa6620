"""A folder as a source."""

import json

import pytest

from function.core.artifact import open_artifact, verify
from scripts.common.errors import SourceError
from scripts.refresh.sources.directory import Directory
from scripts.refresh.sources.source import Revision
from tests.tiny import write_artifact

CONFIG = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


@pytest.fixture
def checkpoint(tmp_path):
    """What a checkpoint's folder looks like, and what training leaves next to it."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "optimizer.pt").write_bytes(b"pickle")
    (folder / "modeling_own.py").write_text("raise SystemExit")
    return folder


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "fetched"
    path.mkdir()
    return path


def newest(source):
    """The newest revision, which must be there."""
    revision = source.newest()
    assert revision
    return revision


def test_an_artifacts_revision_is_its_manifests_digest(artifact):
    revision = Directory(str(artifact)).newest()
    assert revision == Revision(f"dir:{artifact}", open_artifact(artifact).digest)


def test_a_checkpoints_revision_changes_with_what_is_imported_and_with_nothing_else(checkpoint):
    source = Directory(str(checkpoint))
    first = source.newest()
    (checkpoint / "optimizer.pt").write_bytes(b"another step")
    assert source.newest() == first
    (checkpoint / "model.safetensors").write_bytes(b"other weights")
    second = source.newest()
    (checkpoint / "tokenizer_config.json").write_text("{}")
    assert len({first, second, source.newest()}) == 3


def test_a_copy_elsewhere_has_the_same_revision(checkpoint, target):
    revision = newest(Directory(str(checkpoint)))
    fetched = Directory(str(checkpoint)).fetch(revision, target)
    assert newest(Directory(str(fetched))).revision == revision.revision


def test_of_a_checkpoint_only_what_is_imported_is_copied(checkpoint, target):
    source = Directory(str(checkpoint))
    assert source.fetch(newest(source), target) == target
    copied = {path.name for path in target.iterdir()}
    assert copied == {"config.json", "tokenizer.json", "model.safetensors"}


def test_a_fetched_artifact_is_whole(artifact, target):
    source = Directory(str(artifact))
    (artifact / "notes.txt").write_text("no part of it")
    verify(open_artifact(source.fetch(newest(source), target)))


def test_a_folder_that_changed_since_it_was_looked_at_is_not_fetched(checkpoint, target):
    source = Directory(str(checkpoint))
    revision = newest(source)
    (checkpoint / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(SourceError, match="changed while it was read"):
        source.fetch(revision, target)


def test_an_empty_folder_has_nothing(tmp_path):
    assert Directory(str(tmp_path)).newest() is None


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(SourceError, match="no such folder"):
        Directory(str(tmp_path / "absent")).newest()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(SourceError, match="neither an artifact nor a checkpoint"):
        Directory(str(tmp_path)).newest()


def test_a_manifest_that_cannot_be_read_is_named(tmp_path):
    folder = write_artifact(tmp_path / "artifact")
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(SourceError, match=r"manifest\.json"):
        Directory(str(folder)).newest()


def test_an_artifact_that_lacks_a_file_is_named(artifact, target):
    source = Directory(str(artifact))
    revision = newest(source)
    (artifact / "model.onnx").unlink()
    with pytest.raises(SourceError, match=r"model\.onnx: No such file"):
        source.fetch(revision, target)


@pytest.mark.parametrize("shard", ["../outside.safetensors", "model-1.bin", "absent.safetensors"])
def test_an_index_names_only_safetensors_beside_it(checkpoint, shard):
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model-1.bin").write_bytes(b"pickle")
    (checkpoint.parent / "outside.safetensors").write_bytes(b"")
    index = {"weight_map": {"a": shard}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(SourceError, match=rf"index\.json names {shard}"):
        Directory(str(checkpoint)).newest()
