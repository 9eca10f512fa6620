"""Verdicts, golden sets and releases: what a registry holds next to versions and aliases."""

import hashlib
from dataclasses import replace

import pytest

from scripts.common.errors import ConflictError, LostRaceError, RegistryError
from scripts.gate.outcome import GateOutcome
from scripts.refresh.verdicts import RevisionVerdict, find_verdict, keep_verdict
from scripts.registry import keys
from scripts.registry.golden_sets import current_golden, freeze_golden
from scripts.registry.releases import Release, list_releases, record_release
from tests.faults import FaultyStore

VERDICT = RevisionVerdict(
    source="hub:org/name",
    revision="abc",
    outcome=GateOutcome.REFUSED,
    reasons=["two points worse"],
    version="20260102-01234567",
    digest="0" * 64,
    champion="20260101-76543210",
    golden="1" * 64,
    report={"rows": 400},
)
RELEASE = Release(
    stage="prod",
    commit="c" * 40,
    image="sha256:" + "a" * 64,
    models={"sentiment": "20260102-01234567"},
    released_at="2026-01-02T03:04:05+00:00",
)


class Racing(FaultyStore):
    """Someone else writes right after one's first read of a key."""

    def __init__(self, store, key, content):
        super().__init__(store)
        self._key, self._content = key, content

    def get(self, key):
        if key == self._key and self._content is not None:
            content, self._content = self._content, None
            try:
                return super().get(key)
            finally:
                try:
                    self._store.create(key, content)
                except ConflictError:
                    self._store.replace(key, content, self._store.get(key).etag)
        return super().get(key)


def test_a_verdict_is_found_by_its_source_and_revision(store):
    keep_verdict(store, "sentiment", VERDICT)
    found = find_verdict(store, "sentiment", "hub:org/name@abc")
    assert found
    assert replace(found, decided_at="") == VERDICT
    assert found.decided_at
    assert find_verdict(store, "sentiment", "hub:org/name@abd") is None
    (entry,) = store.list("sentiment/verdicts/")
    assert entry.key == f"sentiment/verdicts/{hashlib.sha256(b'hub:org/name@abc').hexdigest()}.json"


def test_a_later_verdict_replaces_an_earlier_one(store):
    keep_verdict(store, "sentiment", VERDICT)
    keep_verdict(store, "sentiment", replace(VERDICT, outcome=GateOutcome.PASSED))
    found = find_verdict(store, "sentiment", "hub:org/name@abc")
    assert found
    assert found.outcome == "passed"


def test_two_refreshes_that_judge_the_same_revision_do_not_overwrite_each_other(store):
    key = keys.verdict("sentiment", "hub:org/name@abc")
    with pytest.raises(LostRaceError, match="meanwhile"):
        keep_verdict(Racing(store, key, b"{}"), "sentiment", VERDICT)


def test_a_verdict_of_something_else_is_named(store):
    store.create(keys.verdict("sentiment", "x@y"), b'{"outcome": "passed"}')
    with pytest.raises(RegistryError, match="not a verdict"):
        find_verdict(store, "sentiment", "x@y")


def test_a_golden_set_lies_under_its_digest_and_is_in_use(store):
    digest = freeze_golden(store, "sentiment", b"rows\n")
    assert digest == hashlib.sha256(b"rows\n").hexdigest()
    assert store.get(f"sentiment/golden/{digest}.jsonl").content == b"rows\n"
    assert current_golden(store, "sentiment") == (digest, b"rows\n")


def test_freezing_again_changes_nothing(store):
    freeze_golden(store, "sentiment", b"rows\n")
    before = store.get(keys.golden_pointer("sentiment"))
    freeze_golden(store, "sentiment", b"rows\n")
    assert store.get(keys.golden_pointer("sentiment")) == before


def test_another_golden_set_comes_into_use_and_the_old_one_stays(store):
    first = freeze_golden(store, "sentiment", b"one\n")
    second = freeze_golden(store, "sentiment", b"two\n")
    assert current_golden(store, "sentiment") == (second, b"two\n")
    assert store.get(keys.golden("sentiment", first)).content == b"one\n"


def test_a_golden_set_that_was_changed_is_refused(store):
    digest = freeze_golden(store, "sentiment", b"rows\n")
    key = keys.golden("sentiment", digest)
    store.replace(key, b"other\n", store.get(key).etag)
    with pytest.raises(RegistryError, match="not what its digest says"):
        current_golden(store, "sentiment")


def test_no_golden_set_says_how_to_make_one(store):
    with pytest.raises(RegistryError, match=r"python -m scripts\.golden .* --model sentiment"):
        current_golden(store, "sentiment")


def test_two_who_freeze_at_once_get_an_error(store):
    key = keys.golden_pointer("sentiment")
    with pytest.raises(LostRaceError, match="someone else"):
        freeze_golden(Racing(store, key, b'{"digest": "other"}'), "sentiment", b"rows\n")


def test_releases_are_listed_by_stage_and_time(store):
    later = replace(RELEASE, released_at="2026-01-03T00:00:00+00:00")
    dev = replace(RELEASE, stage="dev")
    for release in (later, RELEASE, dev):
        record_release(store, release)
    assert list_releases(store, "prod") == [RELEASE, later]
    assert list_releases(store) == [dev, RELEASE, later]
    assert store.get("releases/prod/20260102T030405000Z-aaaaaaaa.json").content


def test_releases_of_one_second_are_listed_in_their_order(store):
    first = replace(
        RELEASE, image="sha256:" + "b" * 64, released_at="2026-01-02T03:04:05.100+00:00"
    )
    second = replace(RELEASE, released_at="2026-01-02T03:04:05.900+00:00")
    for release in (second, first):
        record_release(store, release)
    assert list_releases(store, "prod") == [first, second]


def test_recording_a_release_again_changes_nothing(store):
    record_release(store, RELEASE)
    record_release(store, RELEASE)
    assert list_releases(store) == [RELEASE]
    with pytest.raises(ConflictError):
        record_release(store, replace(RELEASE, commit="d" * 40))
