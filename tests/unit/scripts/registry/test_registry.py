"""Versions and aliases, in a directory and on S3."""

import json
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from function.core.artifact import open_artifact
from function.core.errors import ArtifactError
from scripts.common.errors import LostRaceError, RegistryError, UsageError
from scripts.registry import keys
from scripts.registry.golden_sets import current_golden, freeze_golden
from scripts.registry.registry import Registry, open_registry
from tests.faults import FaultyStore
from tests.tiny import write_artifact

MODEL = "sentiment"


def overwrite(registry, version, name, change):
    """What an accident or an attacker does to a stored file."""
    key = keys.version_file(MODEL, version, name)
    stored = registry.store.get(key)
    registry.store.replace(key, change(stored.content), stored.etag)


def flip(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def test_a_published_version_can_be_described(registry, versions):
    version = registry.publish(versions[0])
    assert registry.describe(MODEL, version).digest == versions[0].digest
    assert registry.versions(MODEL) == [version]
    assert registry.models() == [MODEL]


def test_publishing_again_changes_nothing(registry, versions):
    version = registry.publish(versions[0])
    assert registry.publish(versions[0]) == version
    assert registry.versions(MODEL) == [version]


def test_a_damaged_artifact_is_not_published(registry, versions):
    graph = versions[0].path / "model.onnx"
    graph.write_bytes(flip(graph.read_bytes()))
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.publish(versions[0])
    assert registry.versions(MODEL) == []


def test_a_version_without_its_manifest_does_not_exist_and_can_be_completed(registry, versions):
    version = registry.publish(versions[0])
    registry.store.delete(keys.version_file(MODEL, version, "manifest.json"))
    assert registry.versions(MODEL) == []
    with pytest.raises(RegistryError, match="no version"):
        registry.describe(MODEL, version)
    registry.publish(versions[0])
    assert registry.versions(MODEL) == [version]


def test_a_file_that_an_earlier_upload_left_damaged_is_mended(registry, versions):
    version = registry.publish(versions[0])
    registry.store.delete(keys.version_file(MODEL, version, "manifest.json"))
    overwrite(registry, version, "model.onnx", flip)
    registry.publish(versions[0])
    registry.verify(MODEL, version)


def test_a_published_version_is_never_written_again(registry, versions):
    version = registry.publish(versions[0])
    overwrite(registry, version, "model.onnx", flip)
    with pytest.raises(RegistryError, match=r"model\.onnx: its SHA-256 differs"):
        registry.publish(versions[0])


def test_other_content_under_a_version_is_refused(registry, versions):
    version = registry.publish(versions[0])
    overwrite(
        registry,
        version,
        "manifest.json",
        lambda content: content.replace(b'"temperature": 1.0', b'"temperature": 9.0'),
    )
    with pytest.raises(RegistryError, match="tampered"):
        registry.describe(MODEL, version)
    with pytest.raises(RegistryError, match="other content"):
        registry.publish(versions[0])


def test_an_alias_moves_and_remembers(registry, versions):
    first, second = registry.publish(versions[0]), registry.publish(versions[1])
    registry.promote(MODEL, first, "test")
    moved = registry.promote(MODEL, second, "test")
    assert (moved.version, moved.previous) == (second, first)
    assert registry.alias(MODEL, "production") == moved
    assert registry.aliases(MODEL) == {"production": moved}


def test_promoting_what_is_current_changes_nothing(registry, versions):
    version = registry.publish(versions[0])
    once = registry.promote(MODEL, version, "test")
    assert registry.promote(MODEL, version, "again") == once


def test_an_unpublished_version_cannot_be_promoted(registry, versions):
    registry.publish(versions[0])
    with pytest.raises(RegistryError, match="no version '20200101-00000000'"):
        registry.promote(MODEL, "20200101-00000000", "test")
    assert registry.alias(MODEL, "production") is None


def test_a_damaged_version_cannot_be_promoted(registry, versions):
    version = registry.publish(versions[0])
    overwrite(registry, version, "model.onnx", flip)
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.promote(MODEL, version, "test")
    assert registry.alias(MODEL, "production") is None


def test_a_rollback_goes_back_one_version_each_time(registry, versions):
    a, b, c = (registry.publish(artifact) for artifact in versions)
    for version in (a, b, c):
        registry.promote(MODEL, version, "test")
    before, now = registry.rollback(MODEL)
    assert (before.version, now.version) == (c, b)
    before, now = registry.rollback(MODEL)
    assert (before.version, now.version) == (b, a)
    with pytest.raises(RegistryError, match=f"nothing to go back to behind {a}, the first"):
        registry.rollback(MODEL)


def test_a_rollback_from_a_version_is_done_when_production_has_left_it(registry, versions):
    a, b = registry.publish(versions[0]), registry.publish(versions[1])
    registry.promote(MODEL, a, "test")
    registry.promote(MODEL, b, "test")
    assert registry.rollback(MODEL, unless_left=b)[1].version == a
    before, now = registry.rollback(MODEL, unless_left=b)
    assert before is None
    assert now.version == a


def test_a_rollback_passes_over_what_is_damaged_or_gone(registry, versions):
    a, b, c = (registry.publish(artifact) for artifact in versions)
    for version in (a, b, c):
        registry.promote(MODEL, version, "test")
    overwrite(registry, b, "tokenizer.json", flip)
    assert registry.rollback(MODEL)[1].version == a


def test_a_rollback_with_nothing_whole_behind_says_what_is_wrong(registry, versions):
    a, b = registry.publish(versions[0]), registry.publish(versions[1])
    registry.promote(MODEL, a, "test")
    registry.promote(MODEL, b, "test")
    registry.store.delete(keys.version_file(MODEL, a, "manifest.json"))
    with pytest.raises(RegistryError, match=f"not whole: {a}"):
        registry.rollback(MODEL)
    assert registry.alias(MODEL, "production").version == b


def test_a_rollback_of_nothing_is_refused(registry, versions):
    registry.publish(versions[0])
    with pytest.raises(RegistryError, match="nothing is in production"):
        registry.rollback(MODEL)


def test_a_return_goes_straight_to_a_version_and_again_changes_nothing(registry, versions):
    a, b, c = (registry.publish(artifact) for artifact in versions)
    for version in (a, b, c):
        registry.promote(MODEL, version, "test")
    moved = registry.return_to(MODEL, a, "test")
    assert (moved.version, moved.withdrawn) == (a, (c, b))
    assert registry.return_to(MODEL, a, "again") == moved
    assert registry.alias(MODEL, "production") == moved


def test_a_return_to_what_is_damaged_is_refused(registry, versions):
    a, b = registry.publish(versions[0]), registry.publish(versions[1])
    registry.promote(MODEL, a, "test")
    registry.promote(MODEL, b, "test")
    overwrite(registry, a, "model.onnx", flip)
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.return_to(MODEL, a, "test")
    assert registry.alias(MODEL, "production").version == b


def test_a_return_where_nothing_was_in_production_is_a_promotion(registry, versions):
    a = registry.publish(versions[0])
    assert registry.return_to(MODEL, a, "test").version == a


class Together(FaultyStore):
    """Holds every reader of the alias until all have read it, so that all compare the same."""

    def __init__(self, store, readers):
        super().__init__(store)
        self._barrier = threading.Barrier(readers, timeout=60)
        self._waited = set()

    def get(self, key):
        thread = threading.get_ident()
        try:
            return super().get(key)
        finally:
            if key.endswith("production.json") and thread not in self._waited:
                self._waited.add(thread)
                self._barrier.wait()


def race(store, moves):
    """Run moves at once; the versions of the winners, and the errors of the losers."""
    registry = Registry(Together(store, len(moves)))
    won, errors = [], []

    def move(call):
        try:
            won.append(call(registry))
        except LostRaceError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=move, args=(call,)) for call in moves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won, errors


@pytest.mark.parametrize("first", [True, False])
def test_of_eight_racing_promotes_one_wins_and_seven_fail_in_each_of_thirty_rounds(
    registry, versions, store, make_store, first
):
    published = [registry.publish(artifact) for artifact in versions]
    if not first:
        registry.promote(MODEL, published[0], "before")
    wanted = [published[1], published[2]] * 4
    for _ in range(30):
        before = registry.alias(MODEL, "production")
        if first and before:
            registry.store.delete(keys.alias(MODEL, "production"))
            before = None
        if before and before.version != published[0]:
            before = registry.promote(MODEL, published[0], "next round")
        moves = [lambda r, v=v: r.promote(MODEL, v, "race") for v in wanted]
        won, errors = race(store, moves)
        assert len(won) == 1
        assert len(errors) == 7
        assert all("someone else moved production first" in line for line in errors)
        now = registry.alias(MODEL, "production")
        assert now == won[0]
        assert now.previous == (before.version if before else None)


def test_a_rollback_that_races_a_promote_does_not_undo_it(registry, versions, store):
    a, b, c = (registry.publish(artifact) for artifact in versions)
    registry.promote(MODEL, a, "test")
    registry.promote(MODEL, b, "test")
    won, errors = race(
        store,
        [lambda r: r.promote(MODEL, c, "race"), lambda r: r.rollback(MODEL, unless_left=b)[1]],
    )
    assert len(won) == len(errors) == 1
    assert registry.alias(MODEL, "production") == won[0]


def test_a_pulled_model_is_a_whole_artifact(registry, versions, tmp_path):
    version = registry.publish(versions[0])
    pulled = registry.pull(MODEL, version, tmp_path / "out")
    assert pulled.path == tmp_path / "out" / MODEL
    assert pulled.version == version


def test_a_pull_replaces_what_was_there(registry, versions, tmp_path):
    first, second = registry.publish(versions[0]), registry.publish(versions[1])
    registry.pull(MODEL, first, tmp_path / "out")
    assert registry.pull(MODEL, second, tmp_path / "out").version == second
    assert [path.name for path in (tmp_path / "out").iterdir()] == [MODEL]


def test_a_corrupted_version_is_not_pulled_and_the_old_model_stays(registry, versions, tmp_path):
    first, second = registry.publish(versions[0]), registry.publish(versions[1])
    registry.pull(MODEL, first, tmp_path / "out")
    overwrite(registry, second, "model.onnx", flip)
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        registry.pull(MODEL, second, tmp_path / "out")
    assert open_artifact(tmp_path / "out" / MODEL).version == first


def test_what_a_backend_does_not_read_can_be_left_out(registry, versions, tmp_path):
    version = registry.publish(versions[0])
    pulled = registry.pull(MODEL, version, tmp_path / "out", leave_out=["graph"])
    assert pulled.version == version
    assert pulled.absent == {"model.onnx"}
    assert not (pulled.path / "model.onnx").exists()
    with pytest.raises(ArtifactError, match=r"model\.onnx: listed in the manifest but missing"):
        open_artifact(pulled.path)


def test_a_version_that_lacks_a_file_is_named(registry, versions, tmp_path):
    version = registry.publish(versions[0])
    registry.store.delete(keys.version_file(MODEL, version, "tokenizer.json"))
    with pytest.raises(ArtifactError, match=r"tokenizer\.json: listed in the manifest but missing"):
        registry.pull(MODEL, version, tmp_path / "out")


@pytest.mark.parametrize("name", ["..", "a/b", "", "a\\b", "a\nb"])
def test_names_cannot_leave_the_registry(registry, name):
    with pytest.raises(UsageError, match="not a name"):
        registry.describe(MODEL, name)
    with pytest.raises(UsageError, match="not a name"):
        registry.alias(MODEL, name)


def test_no_model_takes_the_name_under_which_releases_are_kept(registry, tmp_path):
    artifact = open_artifact(write_artifact(tmp_path / "releases", model="releases"))
    with pytest.raises(UsageError, match="'releases' is not a name"):
        registry.publish(artifact)


def test_a_pull_removes_what_killed_ones_left_a_day_ago(registry, versions, tmp_path):
    version = registry.publish(versions[0])
    old, young, other = (tmp_path / name for name in (f".{MODEL}-old", f".{MODEL}-young", ".x"))
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "half").write_bytes(b"half")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    registry.pull(MODEL, version, tmp_path)
    assert [folder.exists() for folder in (old, young, other)] == [False, True, True]


def test_an_alias_of_something_else_is_named(registry):
    registry.store.create(keys.alias(MODEL, "production"), json.dumps({"version": "x"}).encode())
    with pytest.raises(RegistryError, match=r"production\.json: not an alias"):
        registry.alias(MODEL, "production")


def test_an_alias_that_is_not_json_is_named(registry):
    registry.store.create(keys.alias(MODEL, "production"), b"{")
    with pytest.raises(RegistryError, match=r"production\.json: not JSON"):
        registry.alias(MODEL, "production")


def test_an_empty_registry_holds_nothing(registry):
    assert registry.models() == []
    assert registry.versions(MODEL) == []
    assert registry.aliases(MODEL) == {}


def test_the_bundled_registry_is_whole():
    bundled = open_registry("registry")
    alias = bundled.alias(MODEL, "production")
    assert alias
    assert bundled.verify(MODEL, alias.version).digest == alias.digest


def test_a_rollback_does_not_return_to_what_was_rolled_back(registry, versions):
    first, second = (registry.publish(each) for each in versions[:2])
    for version in (first, second, first):
        registry.promote(MODEL, version, "in turn")
    assert registry.rollback(MODEL)[1].version == second
    with pytest.raises(RegistryError, match="nothing to go back to"):
        registry.rollback(MODEL)


def test_a_version_of_the_future_is_not_published(registry, tmp_path):
    late = datetime.now(UTC) + timedelta(days=2)
    artifact = open_artifact(write_artifact(tmp_path / "late", created=late))
    with pytest.raises(RegistryError, match="made in the future"):
        registry.publish(artifact)
    assert registry.versions(MODEL) == []


def test_a_pull_that_fails_at_the_end_leaves_the_old_model(
    registry, versions, tmp_path, monkeypatch
):
    first, second = (registry.publish(each) for each in versions[:2])
    registry.pull(MODEL, first, tmp_path / "models")
    replace = os.replace

    def failing(source, target):
        if target == tmp_path / "models" / MODEL and "old" not in source.name:
            raise OSError(39, "Directory not empty")
        replace(source, target)

    monkeypatch.setattr("scripts.registry.versions.os.replace", failing)
    with pytest.raises(RegistryError, match="someone else pulled it meanwhile"):
        registry.pull(MODEL, second, tmp_path / "models")
    assert open_artifact(tmp_path / "models" / MODEL).version == first


def test_a_golden_set_that_was_damaged_is_frozen_again(registry):
    digest = freeze_golden(registry.store, MODEL, b"content")
    key = keys.golden(MODEL, digest)
    stored = registry.store.get(key)
    registry.store.replace(key, b"cont", stored.etag)
    with pytest.raises(RegistryError, match="freeze it again"):
        current_golden(registry.store, MODEL)
    assert freeze_golden(registry.store, MODEL, b"content") == digest
    assert current_golden(registry.store, MODEL) == (digest, b"content")
