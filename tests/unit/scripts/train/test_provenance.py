"""The provenance that an artifact records, and what it keeps to this machine."""

import subprocess

import pytest

from scripts.train.manifest import made_with, recorded_base


def test_a_copy_of_the_configured_checkpoint_is_recorded_by_its_name(tmp_path):
    assert recorded_base("hub/checkpoint", str(tmp_path)) == "hub/checkpoint"


def test_a_folder_that_nothing_is_configured_for_is_recorded_without_its_path(tmp_path):
    (tmp_path / "mine").mkdir()
    assert recorded_base("", str(tmp_path / "mine")) == "mine"


@pytest.mark.parametrize(("configured", "used"), [("", ""), ("hub/a", "hub/a"), ("hub/a", "hub/b")])
def test_what_can_be_fetched_anywhere_is_recorded_as_it_is(configured, used):
    assert recorded_base(configured, used) == used


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    (tmp_path / "code.py").write_text("1\n")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "code"]):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def test_code_that_differs_from_its_commit_is_told(checkout):
    (checkout / "data.csv").write_text("untracked\n")
    commit = made_with()["commit"]
    assert len(commit) == 40
    (checkout / "code.py").write_text("2\n")
    assert made_with()["commit"] == f"{commit}-dirty"


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert made_with()["commit"] is None
