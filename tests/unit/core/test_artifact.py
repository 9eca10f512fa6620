import hashlib
import json
import pickle

import pytest

from function.core.artifact import open_artifact, verify
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST
from tests.tiny import write_artifact


def test_the_version_is_the_date_and_the_digests_start(artifact):
    opened = open_artifact(artifact)
    assert opened.version == f"20260102-{opened.digest[:8]}"


def test_an_untouched_artifact_verifies(artifact):
    verify(open_artifact(artifact))


def test_one_changed_byte_is_found_and_the_file_named(artifact):
    graph = artifact / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[100] ^= 1
    graph.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"model\.onnx: its SHA-256"):
        verify(open_artifact(artifact))


def test_a_shorter_file_is_refused_by_name(artifact):
    graph = artifact / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"model\.onnx: \d+ bytes"):
        open_artifact(artifact)


def test_a_missing_file_is_refused_by_name(artifact):
    (artifact / "tokenizer.json").unlink()
    with pytest.raises(ArtifactError, match=r"tokenizer\.json: listed .* missing"):
        open_artifact(artifact)


def test_an_extra_file_is_refused_by_name(artifact):
    (artifact / "notes.txt").write_text("hello")
    with pytest.raises(ArtifactError, match=r"notes\.txt: not listed"):
        open_artifact(artifact)


def test_a_link_in_place_of_a_file_is_refused(artifact, tmp_path):
    original = artifact / "tokenizer.json"
    original.rename(tmp_path / "elsewhere.json")
    original.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ArtifactError, match=r"tokenizer\.json"):
        open_artifact(artifact)


def test_a_pickle_under_a_pickles_name_is_refused(artifact):
    _replace(artifact, "tokenizer.json", "weights.bin", pickle.dumps({"a": 1}))
    with pytest.raises(ArtifactError, match=r"weights\.bin: pickles"):
        open_artifact(artifact)


def test_a_pickle_under_another_name_is_refused(artifact):
    _replace(artifact, "tokenizer.json", "tokenizer.json", pickle.dumps({"a": 1}, protocol=4))
    with pytest.raises(ArtifactError, match=r"tokenizer\.json: .*pickles"):
        verify(open_artifact(artifact))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", MANIFEST])
def test_a_path_out_of_the_artifact_is_refused(artifact, name):
    _edit(artifact, lambda m: m["files"].update({name: m["files"]["model.onnx"]}))
    with pytest.raises(ArtifactError, match=r"manifest\.json: files"):
        open_artifact(artifact)


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels", "positive"), ("task", "other"), ("schema_version", 3), ("unknown", 1)],
)
def test_a_manifest_of_another_shape_is_refused_naming_the_key(artifact, key, value):
    _edit(artifact, lambda m: m.update({key: value}))
    with pytest.raises(ArtifactError, match=key):
        open_artifact(artifact)


def test_a_directory_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        open_artifact(tmp_path)


def test_truncated_json_is_refused(artifact):
    manifest = artifact / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:50])
    with pytest.raises(ArtifactError, match="JSON"):
        open_artifact(artifact)


def test_a_role_that_no_file_has_is_named(artifact):
    with pytest.raises(ArtifactError, match="'weights'"):
        open_artifact(artifact).file("weights")


def test_samples_are_kept_and_a_manifest_without_any_has_no_such_key(tmp_path):
    without = write_artifact(tmp_path / "without")
    assert open_artifact(without).manifest.samples == []
    assert "samples" not in json.loads((without / MANIFEST).read_text())
    given = write_artifact(tmp_path / "given", samples=["My card was charged twice."])
    assert open_artifact(given).manifest.samples == ["My card was charged twice."]


@pytest.mark.parametrize("samples", [["good"] * 13, ["x" * 5001], [""], "good"])
def test_samples_that_no_page_could_show_are_refused(artifact, samples):
    _edit(artifact, lambda manifest: manifest.update(samples=samples))
    with pytest.raises(ArtifactError, match="samples"):
        open_artifact(artifact)


def test_two_artifacts_that_differ_have_two_versions(tmp_path):
    one = open_artifact(write_artifact(tmp_path / "one"))
    other = open_artifact(write_artifact(tmp_path / "other", temperature=2.0))
    assert one.version != other.version


def _edit(artifact, change):
    manifest = json.loads((artifact / MANIFEST).read_text())
    change(manifest)
    (artifact / MANIFEST).write_text(json.dumps(manifest))


def _replace(artifact, old, new, content):
    (artifact / old).unlink()
    (artifact / new).write_bytes(content)

    def change(manifest):
        del manifest["files"][old]
        manifest["files"][new] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "role": "tokenizer",
        }

    _edit(artifact, change)
