"""Which commit a stage runs, as the releases in its registry have it."""

import sys

import pytest

from scripts.registry.releases import Release, record_release
from scripts.workflow import released_commit

GOOD, BAD = "a" * 40, "b" * 40


@pytest.fixture
def run(location, tmp_path, monkeypatch, capsys):
    """Run the command for prod; what it prints, and its outputs."""

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


def test_before_the_first_release_there_is_none(run) -> None:
    assert run() == ("", "commit=\n")
