import contextlib
from datetime import timedelta

import pytest

from function.core.artifact import open_artifact
from scripts.prune import Retention, prune
from scripts.registry import keys
from scripts.registry.releases import Release, record_release
from tests.faults import FaultyStore, KilledError
from tests.tiny import write_artifact

MODEL = "sentiment"
LEAST = Retention(window=1, releases=1, newest=1, unfinished=timedelta())


@pytest.fixture
def published(registry, tmp_path):
    """Six versions, by name."""
    return sorted(
        registry.publish(open_artifact(write_artifact(tmp_path / f"p{n}", temperature=1.0 + n)))
        for n in range(6)
    )


def test_what_nobody_needs_goes(registry, published):
    assert prune(registry, MODEL, LEAST, dry_run=False) == published[:5]
    assert registry.versions(MODEL) == published[5:]
    assert all(published[5] in entry.key for entry in registry.store.list("sentiment/versions/"))


def test_a_dry_run_removes_nothing(registry, published):
    assert prune(registry, MODEL, LEAST, dry_run=True) == published[:5]
    assert registry.versions(MODEL) == published


def test_aliases_and_what_a_rollback_needs_stay(registry, published):
    for version in published[:3]:
        registry.promote(MODEL, version, "test")
    registry.promote(MODEL, published[3], "test", "candidate")
    assert prune(registry, MODEL, LEAST, dry_run=False) == [published[0], published[4]]
    assert registry.rollback(MODEL)[1].version == published[1]


def test_versions_of_the_last_releases_of_each_stage_stay(registry, published):
    for number, stage in enumerate(("dev", "prod", "prod")):
        release = Release(
            stage, "c", "sha256:a", {MODEL: published[number]}, f"2026-01-0{number + 1}"
        )
        record_release(registry.store, release)
    removed = prune(registry, MODEL, LEAST, dry_run=False)
    assert removed == [published[1], *published[3:5]]


def test_a_version_that_is_promoted_meanwhile_stays(registry, published):
    class Promoting(FaultyStore):
        def delete(self, key):
            if published[0] in key:
                registry.promote(MODEL, published[1], "just now")
            super().delete(key)

    racing = type(registry)(Promoting(registry.store))
    assert published[1] not in prune(racing, MODEL, LEAST, dry_run=False)
    registry.verify(MODEL, published[1])


def test_an_older_model_that_was_published_just_now_stays(registry, published):
    assert prune(registry, MODEL, Retention(1, 1, 1), dry_run=False) == []
    assert registry.versions(MODEL) == published


@pytest.mark.parametrize("call", range(1, 40, 4))
def test_killed_anywhere_it_leaves_whole_versions_and_can_be_run_again(registry, published, call):
    registry.promote(MODEL, published[2], "test")
    with contextlib.suppress(KilledError):
        prune(
            type(registry)(FaultyStore(registry.store, call, "killed after")),
            MODEL,
            LEAST,
            dry_run=False,
        )
    for version in registry.versions(MODEL):
        registry.verify(MODEL, version)
    prune(registry, MODEL, LEAST, dry_run=False)
    assert registry.versions(MODEL) == [published[2], published[5]]
    assert len({e.key.split("/")[2] for e in registry.store.list("sentiment/versions/")}) == 2


def test_an_upload_that_is_under_way_is_left_alone(registry, published):
    registry.store.delete(keys.version_file(MODEL, published[0], "manifest.json"))
    prune(registry, MODEL, Retention(newest=10), dry_run=False)
    assert any(published[0] in entry.key for entry in registry.store.list("sentiment/versions/"))
