"""A refused model is reported once, on GitHub's API as a server on loopback plays it."""

import json
import subprocess
import sys
from http.server import HTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

from scripts.common.errors import CommandError, UsageError
from scripts.common.github import PAGE, PAGES
from scripts.workflow import report_refused
from scripts.workflow.report_refused import MOST_CHARACTERS
from tests.commands import REPOSITORY
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

RESULT = {
    "model": "sentiment",
    "source": "hub:acme/texts",
    "revision": "abc123",
    "changed": False,
    "version": "20261121-00000000",
    "digest": "d",
    "previous": "20261101-11111111",
    "verdict": "refused",
    "reasons": ["Accuracy falls by 4.0 points."],
    "decided": True,
}


class GitHub:
    """The repository's issues, newest first, and what was asked."""

    def __init__(self):
        self.issues, self.asked, self.status = [], [], 200

    def answer(self, method, path, token, document):
        self.asked.append((method, path, token))
        if self.status != 200:
            return {"message": "Resource not accessible by integration"}
        if method == "POST":
            self.issues.insert(
                0, {**document, "html_url": "https://github.com/acme/texts/issues/7"}
            )
            return self.issues[0]
        query = parse_qs(urlparse(path).query)
        start = (int(query["page"][0]) - 1) * PAGE
        return self.issues[start : start + PAGE]


@pytest.fixture
def github(monkeypatch):
    played = GitHub()

    class Requests(JsonRequests):
        def respond(self, method, document):
            token = self.headers["authorization"]
            self.answer(played.answer(method, self.path, token, document), played.status)

    monkeypatch.setenv("GITHUB_TOKEN", "of-the-job")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    with serving(HTTPServer((LOOPBACK, 0), Requests)) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        yield played


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command after refreshes of which the last ended so; the job's page."""
    summary, judged = tmp_path / "summary", tmp_path / "judged"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    judged.mkdir()

    def command(report="# The gate's report", expected=(), **changes):
        result = {**RESULT, **changes}
        page = judged / f"{result['model']}.md"
        page.with_suffix(".json").write_text(json.dumps(result))
        page.unlink(missing_ok=True)
        if report:
            page.write_text(report)
        summary.write_text("")
        new = json.dumps([{"model": model, "source": "registry"} for model in expected])
        monkeypatch.setattr(sys, "argv", ["refusal", "--judged", str(judged), "--expected", new])
        report_refused.main()
        return summary.read_text()

    return command


def test_a_refused_model_becomes_an_issue_and_a_page(run, github, capsys) -> None:
    page = run()
    (issue,) = github.issues
    assert issue["title"] == "sentiment: 20261121-00000000 was refused"
    for part in ("hub:acme/texts", "abc123", "20261101-11111111", "4.0 points", "gate's report"):
        assert part in issue["body"]
        assert part in page
    assert "issues/7" in capsys.readouterr().out
    assert github.asked[-1] == ("POST", "/repos/acme/texts/issues", "Bearer of-the-job")


def test_the_same_refusal_is_reported_once_even_if_the_issue_was_closed(
    run, github, capsys
) -> None:
    run()
    github.issues[0]["state"] = "closed"
    page = run(report="# The same, measured again")
    assert len(github.issues) == 1
    assert "measured again" in page, "the job's page reports it each time"
    assert "already" in capsys.readouterr().out
    assert all("state=all" in path for method, path, _ in github.asked if method == "GET")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "20261121-22222222"},
        {"revision": "def456"},
        {"reasons": ["Too slow."]},
        {"model": "other"},
    ],
)
def test_another_candidate_or_reason_is_another_issue(run, github, changes) -> None:
    run()
    run(**changes)
    assert len(github.issues) == 2


def test_older_issues_are_searched_up_to_a_bound(run, github) -> None:
    github.issues = [{"body": None}] * (PAGE * 2)
    run()
    assert len(github.asked) == 3 + 1
    run()
    assert len(github.issues) == PAGE * 2 + 1
    github.issues = [{"body": "x"}] * (PAGE * (PAGES + 5))
    github.asked.clear()
    run()
    assert len(github.asked) == PAGES + 1


def test_a_golden_set_that_is_too_small_is_reported_in_its_own_words(run, github) -> None:
    run(verdict="underpowered")
    assert github.issues[0]["title"].endswith("was not proved to be as good")


def test_nobody_is_called_who_happens_to_be_named_in_a_text(run, github) -> None:
    page = run(report="| thanks @everyone | positive |")
    assert "@everyone" not in page
    assert "@everyone" not in github.issues[0]["body"]


def test_a_report_of_any_length_fits_into_an_issue(run, github) -> None:
    run(report="x" * 200_000)
    assert len(github.issues[0]["body"]) <= MOST_CHARACTERS
    assert "too long" in github.issues[0]["body"][-100:]


def test_a_model_that_was_rolled_back_has_no_report_and_is_reported_all_the_same(
    run, github
) -> None:
    run(report="", reasons=["it was rolled back"])
    assert "rolled back" in github.issues[0]["body"]


@pytest.mark.parametrize(
    "changes", [{"verdict": "passed"}, {"verdict": "nothing new", "decided": False}]
)
def test_what_is_no_refusal_is_not_reported(run, github, changes) -> None:
    assert run(**changes, expected=["sentiment"]) == ""
    assert not github.asked


def test_of_several_models_each_that_was_refused_is_an_issue(run, github) -> None:
    run(model="ner", report="# Of names")
    run(model="lstm", verdict="passed")
    page = run(expected=["sentiment", "ner", "lstm"])
    assert {issue["title"].partition(":")[0] for issue in github.issues} == {"sentiment", "ner"}
    assert "Of names" in page


def test_a_refresh_that_broke_is_a_failure_once_the_others_were_reported(run, github) -> None:
    with pytest.raises(CommandError, match=r"^ner: no verdict, the refresh broke"):
        run(expected=["sentiment", "ner"])
    assert len(github.issues) == 1


def test_it_needs_nothing_that_must_be_installed(tmp_path) -> None:
    """-S leaves out installed packages, so the runner's own Python is enough."""
    done = subprocess.run(
        [
            *(sys.executable, "-S", "-m", "scripts.workflow.report_refused"),
            *("--judged", str(tmp_path), "--expected", '[{"model": "ner"}]'),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr[:12]) == (1, "error: ner: "), done.stderr


def test_what_github_refuses_is_an_error_in_its_words(run, github) -> None:
    github.status = 403
    with pytest.raises(CommandError, match=r"403.*not accessible by integration"):
        run()


def test_outside_of_a_job_it_says_what_is_missing(run, monkeypatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    with pytest.raises(UsageError, match="GITHUB_TOKEN"):
        run()
