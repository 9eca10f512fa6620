"""A rehearsal stops at the first thing that does not hold, and names it."""

import pytest

from scripts.common.errors import CommandError
from tests.rehearsal.timeline import RehearsalError, Timeline


def test_what_holds_is_printed_and_kept(capsys):
    timeline = Timeline()
    with timeline.step("first") as step:
        step.check(True, "one is one")
        step.ran("python -m scripts.build", 1.23, 0)
    (kept,) = timeline.document()["steps"]
    assert kept["asserted"] == ["one is one"]
    assert kept["commands"] == [("python -m scripts.build", 1.2)]
    out = capsys.readouterr().out
    assert "1. first" in out
    assert "holds: one is one" in out
    assert "1.2 s  python -m scripts.build\n" in out


def test_what_does_not_hold_ends_it_and_names_the_step():
    timeline = Timeline()
    with timeline.step("first"):
        pass
    named = "step 2, 'second': this does not hold: one is two"
    with pytest.raises(RehearsalError, match=named), timeline.step("second") as step:
        step.check(False, "one is two")
    assert timeline.document()["steps"][1]["asserted"] == []


@pytest.mark.parametrize(
    ("error", "reported"),
    [(CommandError("it broke"), "it broke"), (KeyError("x"), "KeyError: 'x'")],
)
def test_whatever_goes_wrong_names_the_step(error, reported):
    named = f"step 1, 'first': {reported}"
    with pytest.raises(RehearsalError, match=named), Timeline().step("first"):
        raise error
