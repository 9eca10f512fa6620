"""The active and the rolled-back releases of a stage, by its history."""

from dataclasses import replace

import pytest

from scripts.common.errors import RegistryError
from scripts.registry import keys
from scripts.registry.releases import Release, list_releases, record_release, release_history


def at(hour):
    return f"2026-11-01T{hour:02}:00:00+00:00"


def release(image, commit="one", model="A"):
    return Release("prod", commit, f"sha256:{image * 64}", {"sentiment": model}, at(0))


def releases(*made: tuple[str, ...]):
    return [replace(release(*each), released_at=at(hour)) for hour, each in enumerate(made)]


def images(found):
    return "".join(each.image[-1] for each in found)


def test_releases_pile_up():
    past = release_history(releases(("a",), ("b",), ("c",)))
    assert images(past.active) == "abc"
    assert past.rolled_back == []


def test_the_same_image_again_takes_off_what_came_after_it():
    past = release_history(releases(("a",), ("b",), ("c",), ("a",)))
    assert images(past.active) == "a"
    assert images(bad for bad, _ in past.rolled_back) == "bc"


def test_the_live_image_once_more_changes_nothing():
    past = release_history(releases(("a",), ("b",), ("b",)))
    assert images(past.active) == "ab"
    assert past.rolled_back == []


def test_the_same_release_of_a_later_commit_is_what_a_refresh_builds_on():
    """A commit that changes tests alone makes no new image."""
    past = release_history(releases(("a", "one"), ("a", "two")))
    assert [each.commit for each in past.active] == ["two"]
    assert past.commits_rolled_back() == set()


@pytest.mark.parametrize("digest", ["server", "templates"])
def test_a_release_may_change_the_servers_image_or_the_templates_alone(digest):
    first, second = (
        replace(each, **{digest: f"s{n}"}) for n, each in enumerate(releases(("a",), ("a",)))
    )
    past = release_history([first, second])
    assert past.active == [first, second]
    back = replace(first, released_at=at(9))
    assert release_history([first, second, back]).rolled_back == [(second, first)]


def test_markers_of_folders_are_no_releases(store):
    record_release(store, release("a"))
    store.create(f"{keys.releases('prod')}marker", b"")
    assert [each.image for each in list_releases(store)] == [release("a").image]


def test_what_was_rolled_back_and_deployed_again_is_active():
    past = release_history(releases(("a", "one"), ("b", "two"), ("a", "one"), ("b", "two")))
    assert images(past.active) == "ab"
    assert past.commits_rolled_back() == set()


def test_a_commit_is_suspect_where_what_came_in_its_place_is_of_another():
    made = [("a", "one", "A"), ("b", "two", "A"), ("a", "one", "A")]
    assert release_history(releases(*made)).commits_rolled_back() == {"two"}


def test_a_commit_is_not_suspect_where_only_the_model_differed():
    made = [("a", "one", "A"), ("b", "one", "B"), ("a", "one", "A")]
    assert release_history(releases(*made)).commits_rolled_back() == set()


def test_releases_of_before_servers_and_templates_were_recorded_are_read(store):
    old = release("a")
    record_release(store, old)
    key = keys.release("prod", old.name)
    content = store.get(key).content.replace(b',\n "server": "",\n "templates": ""', b"")
    assert b"server" not in content
    store.replace(key, content, store.get(key).etag)
    assert list_releases(store, "prod") == [old]


def test_what_is_no_release_is_named(store):
    store.create(keys.release("prod", "x"), b'{"stage": "prod"}')
    with pytest.raises(RegistryError, match="not a release: no commit, image, models, released_at"):
        list_releases(store, "prod")
