"""Commits of a rehearsal are made in a copy."""

import subprocess
from typing import Any

import pytest

from scripts.common.errors import CommandError
from tests.rehearsal.checkout import Checkout


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path):
    """A repository without any commit, with a file that git is to leave alone."""
    folder = tmp_path / "origin"
    (folder / "infra").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "infra" / "stages.py").write_text("STAGES = ()\n")
    (folder / "ignored").write_text("a secret")
    return folder


def test_the_copy_has_what_git_does_not_ignore_and_a_history_of_its_own(origin, tmp_path):
    checkout = Checkout(origin, tmp_path / "copy")
    first = checkout.commit("first")
    assert not (checkout.path / "ignored").exists()
    second = checkout.change("infra/stages.py", "# more\n", "more")
    assert (checkout.path / "infra" / "stages.py").read_text() == "STAGES = ()\n# more\n"
    third = checkout.revert()
    assert len({first, second, third}) == 3
    assert (checkout.path / "infra" / "stages.py").read_text() == "STAGES = ()\n"
    assert git(checkout.path, "status", "--porcelain") == ""
    assert (origin / "infra" / "stages.py").read_text() == "STAGES = ()\n"


def test_its_stage_makes_sense(origin, tmp_path):
    checkout = Checkout(origin, tmp_path / "copy")
    checkout.configure("123456789012", "eu-central-1", "x86_64")
    namespace: dict[str, Any] = {}
    exec((checkout.path / "infra" / "stages.py").read_text(), namespace)
    (stage,) = namespace["STAGES"]
    assert (stage.name, stage.account, stage.moves_production) == ("prod", "123456789012", True)
    assert stage.function.platform == "linux/amd64"
    assert namespace["PROJECT"].repository.filled_in


def test_a_folder_that_is_no_repository_is_named(tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(CommandError, match="not a git repository"):
        Checkout(tmp_path / "plain", tmp_path / "copy")
