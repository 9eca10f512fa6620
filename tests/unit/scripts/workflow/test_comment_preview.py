"""The comment of a pull request: one, written again with every push, that claims what happened."""

import json
import sys
from http.server import HTTPServer
from typing import Any

import pytest

from scripts.common.command_line import run
from scripts.workflow import comment_preview
from scripts.workflow.comment_preview import MARK, MOST_CHARACTERS, compose
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

FIGURES = {
    "sentiment": {
        "version": "20261121-1a8af814",
        "measure": "accuracy",
        "texts": 432,
        "figures": {"accuracy": 0.93056, "texts": 432.0},
    },
    "ner": {"version": "1", "measure": "f1", "texts": 320, "figures": {"f1": 0.9}},
}
DIFF = "Stack evergreen-dev-function\nResources\n[~] AWS::Lambda::Function\n"
URL = "https://abc.example.com"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures.json").write_text(json.dumps(FIGURES))
    (tmp_path / "diff.txt").write_text(DIFF)
    return tmp_path


def test_it_has_address_figures_diff_and_cost(folder):
    page = compose("pr-7", folder, url=URL, deployed="success")
    assert f"<{URL}>" in page
    assert "| `sentiment` | 20261121-1a8af814 | 432 | accuracy | 0.9306 |" in page
    assert "| `ner` | 1 | 320 | f1 | 0.9000 |" in page
    assert "about two cents a day" in page
    assert "<code>cdk diff</code> against the base: 1 stack<" in page
    assert DIFF.strip() in page


def test_what_failed_is_not_claimed_to_answer(folder):
    page = compose("pr-7", folder, deployed="failure")
    assert "could not be deployed" in page
    assert "answers by this commit" not in page


def test_what_other_jobs_did_not_leave_is_left_out(tmp_path):
    page = compose("pr-7", tmp_path, url=URL, deployed="success")
    assert "golden texts" not in page
    assert "cdk diff" not in page


def test_once_it_is_deleted_nothing_else_is_said(folder):
    page = compose("pr-7", folder, destroyed="success")
    assert "It was deleted" in page
    assert "two cents" not in page
    assert "tries again every six hours" in compose("pr-7", folder, destroyed="failure")


def test_no_text_of_a_diff_leaves_its_block(folder):
    (folder / "diff.txt").write_text("Stack a\n````\n# not a title\n````\n")
    page = compose("pr-7", folder, url=URL, deployed="success")
    assert page.count("`````\n") == 2


def test_a_long_diff_is_cut_to_what_a_comment_takes(folder):
    (folder / "diff.txt").write_text("x" * 200_000)
    assert MOST_CHARACTERS < len(compose("pr-7", folder, deployed="success")) < 65_536


@pytest.fixture
def github(monkeypatch, folder):
    """GitHub's comments of pull request 7; the command writes there."""
    comments: list[dict[str, Any]] = []
    asked: list[Any] = []

    class Requests(JsonRequests):
        def respond(self, method, document):
            asked.append((method, self.path.partition("?")[0]))
            if method == "GET":
                self.answer(comments)
                return
            made = {"id": 5, "user": {"type": "Bot"}, "html_url": "https://c", **document}
            comments[:] = [each for each in comments if each["id"] != 5] + [made]
            self.answer(made)

        def do_PATCH(self):  # noqa: N802 -- http.server's
            self.respond("PATCH", self._read())

    monkeypatch.setenv("GITHUB_TOKEN", "of-the-job")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    arguments = ["--stage", "pr-7", "--folder", str(folder), "--url", URL, "--deployed", "success"]
    monkeypatch.setattr(sys, "argv", ["comment", *arguments])
    with serving(HTTPServer((LOOPBACK, 0), Requests)) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        yield comments, asked


def test_the_first_push_creates_it_and_the_next_replaces_it(github):
    comments, asked = github
    for _ in range(2):
        run(comment_preview.main)
    assert [each for each in asked if each[0] != "GET"] == [
        ("POST", "/repos/acme/texts/issues/7/comments"),
        ("PATCH", "/repos/acme/texts/issues/comments/5"),
    ]
    assert [each["body"].startswith(MARK) for each in comments] == [True]


def test_a_persons_comment_is_left_alone_whatever_it_begins_with(github):
    comments, asked = github
    comments.append({"id": 1, "body": f"{MARK} mine", "user": {"type": "User"}})
    run(comment_preview.main)
    assert comments[0]["body"] == f"{MARK} mine"
    assert ("POST", "/repos/acme/texts/issues/7/comments") in asked
