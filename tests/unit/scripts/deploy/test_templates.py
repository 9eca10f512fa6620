"""The files of a release's commit, in a repository of real git."""

import subprocess
import sys

import pytest

from infra.configuration.deployment import Deployment
from infra.stages import PROD, PROJECT
from scripts.common.git import git
from scripts.deploy import cdk, templates
from scripts.registry.releases import Release
from tests.rehearsal.checkout import AUTHOR, QUIET


@pytest.fixture
def commits(tmp_path, monkeypatch):
    """The commits of a repository, in which this process is, each with other templates."""
    folder = tmp_path / "repository"
    (folder / "infra").mkdir(parents=True)
    monkeypatch.chdir(folder)
    git("init", "--quiet", "--initial-branch=main")
    found = []
    for text in ("earlier", "later"):
        # Packages of the function are in the lock as well.
        (folder / "infra/requirements.txt").write_text(f"aws-cdk-lib==2.0\nfastapi=={text}\n")
        (folder / "infra/stages.py").write_text(text)
        git("add", "--all")
        git(*AUTHOR, *QUIET, "commit", "--quiet", "--message", text)
        found.append(git("rev-parse", "HEAD"))
    monkeypatch.setattr(templates, "synthesise", lambda stage, app: {f"evergreen-{stage}-watch"})
    return found


def templates_of(commit):
    release = Release("prod", commit, "sha256:" + "ab" * 32, {"sentiment": "v"}, "2026-11-01")
    return templates.templates_of(release, Deployment(PROJECT, PROD))


@pytest.mark.parametrize("shallow", [False, True])
def test_templates_are_made_of_the_files_of_the_commit_which_then_are_removed(
    commits, tmp_path, monkeypatch, shallow
):
    if shallow:
        git("clone", "--quiet", "--depth=1", f"file://{tmp_path}/repository", f"{tmp_path}/clone")
        monkeypatch.chdir(tmp_path / "clone")
    with templates_of(commits[0]) as found:
        assert (found.app.folder / "infra/stages.py").read_text() == "earlier"
        assert found.app.python == sys.executable
        assert found.stacks == {"evergreen-prod-watch"}
    assert not found.app.folder.exists()
    assert len(git("worktree", "list").splitlines()) == 1


def test_the_commit_that_is_checked_out_needs_no_other_files(commits):
    with templates_of(commits[1]) as found:
        assert found.app == cdk.HERE


def test_a_commit_of_another_branch_is_not_run(commits, capfd):
    """Anyone who may record a release could name it, and would have it deployed."""
    git("checkout", "--quiet", "-b", "other")
    git(*AUTHOR, *QUIET, "commit", "--quiet", "--allow-empty", "--message", "other")
    other = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "main")
    with templates_of(other) as found:
        assert found.app == cdk.HERE
    assert f"its commit {other} is none that this checkout stands on" in capfd.readouterr().err


def test_the_digest_is_of_what_templates_are_made_of(commits, tmp_path):
    (tmp_path / "repository/cdk.json").write_text("{}")
    later = templates.templates_digest()
    (tmp_path / "repository/README.md").write_text("text")
    assert templates.templates_digest() == later
    subprocess.run(["git", "checkout", "--quiet", commits[0]], check=True)
    assert templates.templates_digest() != later
