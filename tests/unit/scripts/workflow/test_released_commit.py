"""Which commit a stage runs, as the releases in its registry have it."""

import base64
import sys
from http.server import HTTPServer

import pytest

from scripts.common.errors import CommandError
from scripts.registry.releases import Release, record_release
from scripts.workflow import INTERFACE, released_commit
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

GOOD, BAD = "a" * 40, "b" * 40


@pytest.fixture
def run(location, tmp_path, monkeypatch, capsys):
    """Run the command for prod; what it prints, and its outputs."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    def command():
        file = tmp_path / "outputs"
        file.write_text("")
        arguments = ["--registry", location, "--stage", "prod", "--outputs", str(file)]
        monkeypatch.setattr(sys, "argv", ["released", *arguments])
        released_commit.main()
        return capsys.readouterr().out, file.read_text()

    return command


def record(registry, stage, commit, image, minute):
    moment = f"2026-11-20T10:{minute:02}:00+00:00"
    release = Release(stage, commit, f"sha256:{image * 64}", {"sentiment": "v"}, moment)
    record_release(registry.store, release)


def test_it_is_the_commit_of_the_stages_last_release(run, registry) -> None:
    record(registry, "prod", GOOD, "1", 0)
    record(registry, "dev", BAD, "2", 1)
    assert run() == (f"{GOOD}\n", f"commit={GOOD}\n")


def test_what_was_rolled_back_does_not_count(run, registry) -> None:
    record(registry, "prod", GOOD, "1", 0)
    record(registry, "prod", BAD, "2", 1)
    record(registry, "prod", GOOD, "1", 2)
    assert run() == (f"{GOOD}\n", f"commit={GOOD}\n")


@pytest.fixture
def github(monkeypatch):
    """Documents of the repository by path; the commits that were pushed are among them."""
    pushed = {f"/commits/{GOOD}": {"sha": GOOD}, contents(GOOD): file(INTERFACE)}

    class Requests(JsonRequests):
        def respond(self, method, document):
            path = self.path.removeprefix("/repos/acme/texts")
            self.answer(pushed.get(path, {"message": "?"}), 200 if path in pushed else 422)

    monkeypatch.setenv("GITHUB_TOKEN", "of-the-job")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    with serving(HTTPServer((LOOPBACK, 0), Requests)) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        yield pushed


def contents(commit):
    return f"/contents/scripts/workflow/__init__.py?ref={commit}"


def file(number):
    return {"content": base64.b64encode(f"x = 1\nINTERFACE = {number}\n".encode()).decode()}


def test_a_commit_that_was_pushed_is_built(run, registry, github) -> None:
    record(registry, "prod", GOOD, "1", 0)
    assert run() == (f"{GOOD}\n", f"commit={GOOD}\n")


@pytest.mark.parametrize("commit", [f"{GOOD}-dirty", "unknown"])
def test_a_working_tree_of_somebody_cannot_be_built_and_a_line_says_what_to_do(
    run, registry, commit
) -> None:
    record(registry, "prod", commit, "1", 0)
    with pytest.raises(CommandError, match="in no commit: release a pushed commit to prod"):
        run()


def test_nor_can_a_commit_that_was_never_pushed(run, registry, github) -> None:
    record(registry, "prod", BAD, "1", 0)
    with pytest.raises(CommandError, match="which was never pushed: release"):
        run()


def test_nor_can_a_commit_whose_commands_the_workflows_do_not_know(run, registry, github) -> None:
    record(registry, "prod", GOOD, "1", 0)
    github[contents(GOOD)] = file(INTERFACE - 1)
    with pytest.raises(CommandError, match="lacks commands that the workflows"):
        run()


def test_before_the_first_release_there_is_none(run) -> None:
    assert run() == ("", "commit=\n")
