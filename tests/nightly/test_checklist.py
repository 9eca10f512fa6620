"""A night's checklist: it goes on after failures, deletes everything, and names what failed."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from infra.configuration.sandbox import NIGHTLY, SandboxConfiguration
from infra.stages import PROJECT
from scripts.common.errors import CommandError
from tests.commands import REPOSITORY
from tests.nightly import __main__ as command
from tests.nightly.checklist import Check, require, run_checks, summary
from tests.nightly.checks import BETTER_LIVE, CLIENTS, FIRST, checks, clean, destroy
from tests.nightly.night import SHOWN_ONCE, Night

SANDBOX = SandboxConfiguration(account="123456789012", region="eu-central-1")


def held(_):
    return "as it should be"


def broken(_):
    require(False, "one is two")
    return ""


LAST = Check("destroy", held)


def states(results):
    return [(each.name, each.state) for each in results]


def test_a_failure_keeps_only_what_builds_upon_it_from_running():
    results = run_checks(
        None,
        [
            Check("a", broken),
            Check("b", held, ("a",)),
            Check("c", held, ("b",)),
            Check("d", held),
        ],
        LAST,
    )
    assert states(results) == [
        *(("a", "failed"), ("b", "not run"), ("c", "not run"), ("d", "ok"), ("destroy", "ok"))
    ]
    assert results[0].found == "this does not hold: one is two"
    assert results[1].found == "needs: a"


@pytest.mark.parametrize("error", [CommandError("no"), KeyError("x"), OSError("gone")])
def test_whatever_breaks_is_a_failure_and_everything_is_deleted(error):
    def breaks(_):
        raise error

    results = run_checks(None, [Check("a", breaks)], LAST)
    assert states(results) == [("a", "failed"), ("destroy", "ok")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_night_that_is_stopped_deletes_everything_too(error):
    seen: list[Any] = []

    def stopped(_):
        raise error

    with pytest.raises(error):
        run_checks(None, [Check("a", stopped), Check("b", held)], LAST, seen.append)
    assert states(seen) == [("destroy", "ok")]


def test_what_cannot_be_deleted_is_a_failure():
    results = run_checks(None, [Check("a", held)], Check("destroy", broken))
    assert states(results) == [("a", "ok"), ("destroy", "failed")]


def test_the_table_shows_each_check_and_its_reason_on_one_line():
    results = run_checks(None, [Check("a", held), Check("b|c", broken)], LAST)
    page = summary("nightly", results)
    assert page.startswith("## nightly: 2 of 3 hold\n")
    assert "| a | ok |" in page
    assert "**failed**" in page
    assert "one is two |" in page


@pytest.fixture
def night(tmp_path):
    def made(name="nightly", **options):
        stage = SANDBOX.stage(name)
        given = {"PATH": "/usr/bin:/bin"}
        client = options.pop("client", None)
        return Night(PROJECT, stage, tmp_path, tmp_path, given, client, **options)

    return made


def test_every_client_of_the_examples_is_asked(night):
    files = {each.name for each in (REPOSITORY / "examples").iterdir()} - {"README.md"}
    assert set(CLIENTS) == files
    names = [each.name for each in checks(night())]
    assert {f"examples/{name}" for name in files} <= {*names}


def test_a_plain_night_has_no_service_and_no_bulk_scoring_and_sundays_have_both(night):
    plain, full, gpu = ([c.name for c in checks(night(n))] for n in NIGHTLY)
    assert {*full} - {*plain} == {"the service answers", "bulk scoring"}
    assert {*gpu} - {*plain} == {"the service answers"}
    for names in (plain, full, gpu):
        assert names.index(FIRST) < names.index(BETTER_LIVE) < names.index("roll back")


def test_every_check_builds_upon_one_that_comes_before_it(night):
    seen: set[str] = set()
    for check in checks(night("nightly-full")):
        assert {*check.needs} <= seen, check.name
        seen.add(check.name)


def test_the_key_is_masked_and_in_no_log_and_no_reason(night, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    shown: list[str] = []
    tonight = night(on_key=shown.append)
    script = f"echo '{SHOWN_ONCE}s3cret' >&2; echo s3cret; exit 4"
    with pytest.raises(CommandError) as error:
        tonight.run(["sh", "-c", script])
    assert (tonight.key, shown) == ("s3cret", ["s3cret"])
    assert capsys.readouterr().out == "::add-mask::s3cret\n"
    assert "ended with 4" in str(error.value)
    assert "s3cret" not in str(error.value)
    assert "s3cret" not in (tmp_path / "log.txt").read_text()


def test_commands_get_the_address_and_the_key_and_what_a_person_types(night):
    tonight = night(key="k", url="https://a")
    done = tonight.run(
        ["sh", "-c", "read x; echo $x $EVERGREEN_URL $EVERGREEN_API_KEY"], typed="y\n"
    )
    assert done.out == "y https://a k\n"


class Account:
    """CloudFormation with these stacks; commands that delete a stage are recorded."""

    def __init__(self, *stacks):
        self.stacks, self.ran = set(stacks), []
        self.statuses = ["CREATE_FAILED"]

    def client(self, _):
        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=self.pages))

    def pages(self):
        status = self.statuses.pop() if len(self.statuses) > 1 else self.statuses[0]
        found = [{"StackName": each, "StackStatus": status} for each in self.stacks]
        gone = {"StackName": "evergreen-nightly-watch", "StackStatus": "DELETE_COMPLETE"}
        return [{"StackSummaries": [*found, gone]}]

    def watch(self, night, monkeypatch, *, deletes=True):
        def ran(command, **options):
            self.ran.append((" ".join(command[command.index("destroy") :]), options.get("typed")))
            stage = command[-2] if "--yes" in command else command[-1].partition("=")[2]
            if deletes:
                start = f"evergreen-{stage}"
                self.stacks -= {
                    s for s in self.stacks if s.rpartition("-")[0] == start or s == start
                }

        monkeypatch.setattr(night, "run", ran)


def test_what_another_night_left_is_deleted_and_nothing_else(night, monkeypatch):
    kept = ("evergreen-pr-7-function", "evergreen-sandbox", "other-nightly-function")
    left = ("evergreen-nightly-full-service", "evergreen-nightly-function", "evergreen-foundation")
    account = Account(*kept, *left)
    tonight = night(client=account.client)
    account.watch(tonight, monkeypatch)
    monkeypatch.setattr(tonight, "script", lambda *given: tonight.run(list(given)))
    assert clean(tonight) == "deleted: nightly, nightly-full, foundation"
    assert account.stacks == {*kept}
    assert clean(tonight) == "nothing"


def test_what_stays_is_named(night, monkeypatch):
    account = Account("evergreen-nightly-function")
    tonight = night(client=account.client)
    account.watch(tonight, monkeypatch, deletes=False)
    monkeypatch.setattr(tonight, "script", lambda *given: tonight.run(list(given)))
    with pytest.raises(CommandError, match="nothing is left, but evergreen-nightly-function is"):
        clean(tonight)


def test_a_stage_is_destroyed_as_people_do_it_by_typing_its_name(night, monkeypatch):
    account = Account("evergreen-nightly-function", "evergreen-foundation")
    tonight = night(client=account.client)
    account.watch(tonight, monkeypatch)
    assert destroy(tonight) == "nothing"
    assert account.ran == [
        ("destroy STAGE=nightly", "nightly\n"),
        ("destroy STAGE=foundation", "foundation\n"),
    ]


def test_a_night_that_failed_is_red_and_leaves_its_table(night, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    monkeypatch.setattr(command, "checks", lambda _: [Check("a", held), Check("b", broken)])
    monkeypatch.setattr(command, "destroy", held)
    with pytest.raises(CommandError, match="1 of 3 checks do not hold: b"):
        command.finish(night(), tmp_path)
    assert "2 of 3 hold" in (tmp_path / "page").read_text()
    found = json.loads((tmp_path / "results.json").read_text())
    assert [each["state"] for each in found] == ["ok", "failed", "ok"]
    assert "failed   b: " in capsys.readouterr().out


def test_a_night_in_which_all_holds_is_green(night, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "checks", lambda _: [Check("a", held)])
    monkeypatch.setattr(command, "destroy", held)
    command.finish(night(), tmp_path)


def test_what_cloudformation_is_still_at_work_on_is_waited_for(night, monkeypatch):
    account = Account("evergreen-nightly-function")
    account.statuses = ["CREATE_FAILED"] + ["CREATE_IN_PROGRESS"] * 8
    waited: list[Any] = []
    monkeypatch.setattr("tests.nightly.checks.time.sleep", waited.append)
    tonight = night(client=account.client)
    account.watch(tonight, monkeypatch)
    monkeypatch.setattr(tonight, "script", lambda *given: tonight.run(list(given)))
    assert clean(tonight) == "deleted: nightly"
    assert len(waited) == 2, "each look is at four kinds of stacks"


def test_what_make_destroy_fails_to_delete_is_deleted_and_still_a_failure(night, monkeypatch):
    account = Account("evergreen-nightly-function")
    tonight = night(client=account.client)
    account.watch(tonight, monkeypatch)
    monkeypatch.setattr(tonight, "script", lambda *given: tonight.run(list(given)))

    def fails(*_, **__):
        raise CommandError("the bucket is not empty")

    monkeypatch.setattr(tonight, "make", fails)
    with pytest.raises(CommandError, match="the bucket is not empty"):
        destroy(tonight)
    assert account.stacks == set()
