import pytest

from scripts.common.errors import RegistryError
from scripts.registry.aliases import (
    REMEMBERED,
    Alias,
    parse_alias,
    promoted,
    returned,
    rolled_back,
)


def chain(*versions):
    alias = None
    for version in versions:
        alias = promoted(alias, version, "digest", "test")
    return alias


def test_a_first_promotion_has_nothing_behind():
    alias = chain("A")
    assert (alias.version, alias.previous, list(alias.behind)) == ("A", None, [])


def test_promotions_pile_up():
    alias = chain("A", "B", "C")
    assert (alias.version, alias.previous, list(alias.behind)) == ("C", "B", ["B", "A"])


def test_a_rollback_takes_one_off_and_remembers_what_was_withdrawn():
    alias = rolled_back(chain("A", "B", "C"), "B", "digest", "test")
    assert (alias.version, alias.previous, alias.withdrawn) == ("B", "A", ("C",))
    alias = rolled_back(alias, "A", "digest", "test")
    assert (alias.version, alias.previous, alias.withdrawn) == ("A", None, ("B", "C"))


def test_a_rollback_may_skip_what_is_damaged():
    alias = rolled_back(chain("A", "B", "C"), "A", "digest", "test")
    assert (alias.version, alias.previous, alias.withdrawn) == ("A", None, ("C",))


def test_a_return_withdraws_all_that_came_after():
    alias = returned(chain("A", "B", "C"), "A", "digest", "test")
    assert (alias.version, alias.previous, alias.withdrawn) == ("A", None, ("C", "B"))
    alias = returned(chain("A", "B", "C"), "B", "digest", "test")
    assert (alias.version, alias.previous, alias.withdrawn) == ("B", "A", ("C",))


def test_a_return_to_what_nobody_remembers_leaves_nothing_behind():
    alias = returned(chain("B", "C"), "A", "digest", "test")
    assert (alias.version, list(alias.behind), alias.withdrawn) == ("A", [], ("C", "B"))


def test_what_is_returned_to_is_not_withdrawn_any_more():
    alias = rolled_back(chain("A", "B"), "A", "digest", "test")
    alias = returned(alias, "B", "digest", "test")
    assert (alias.version, alias.withdrawn) == ("B", ("A",))


def test_promoting_by_hand_what_was_withdrawn_clears_it():
    alias = rolled_back(chain("A", "B"), "A", "digest", "test")
    alias = promoted(alias, "B", "digest", "test")
    assert alias.withdrawn == ()


def test_memory_is_bounded():
    alias = chain(*map(str, range(100)))
    assert len(alias.behind) == REMEMBERED
    assert alias.behind[0] == "98"


def test_each_move_has_its_own_id():
    assert chain("A").id != chain("A").id


def test_an_alias_survives_its_document():
    alias = rolled_back(chain("A", "B", "C"), "B", "digest", "test")
    assert parse_alias(alias.document(), "key") == alias


def test_an_alias_of_the_six_members_alone_is_read():
    six = dict.fromkeys(("version", "digest", "previous", "moved_at", "reason", "id"), "x")
    assert parse_alias(six, "key") == Alias("x", "x", "x", "x", "x", "x")
    assert parse_alias({**six, "added": "later"}, "key").version == "x"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", 5),
        ("digest", None),
        ("previous", ["x"]),
        ("earlier", 5),
        ("earlier", [5]),
        ("withdrawn", None),
        ("withdrawn", [["x"]]),
    ],
)
def test_a_member_of_another_type_is_named(member, value):
    document = {**chain("A").document(), member: value}
    with pytest.raises(RegistryError, match="key: not an alias"):
        parse_alias(document, "key")


def test_something_else_is_named():
    with pytest.raises(RegistryError, match="key: not an alias"):
        parse_alias({"version": "x"}, "key")
