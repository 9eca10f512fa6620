"""The arguments that an image's build takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from function.core.artifact import open_artifact
from scripts.deploy.build_arguments import public_address
from tests.commands import REPOSITORY
from tests.tiny import write_artifact


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    write_artifact(folder / "sentiment")
    write_artifact(folder / "other", model="other", values={"good": 1.0})
    return folder


def run(*arguments: object, directory: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.image", *map(str, arguments)],
        cwd=directory,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_versions_and_digests_of_every_model_are_printed(models: Path) -> None:
    done = run(models)
    assert done.returncode == 0, done.stderr
    arguments = done.stdout.splitlines()
    first, second = (open_artifact(models / name) for name in ("other", "sentiment"))
    versions = f"other={first.version},sentiment={second.version}"
    digests = f"other=sha256:{first.digest},sentiment=sha256:{second.digest}"
    assert arguments[:4] == [
        f"--build-context=models={models}",
        f"--build-arg=MODELS={versions}",
        f"--label=evergreen.models={versions}",
        f"--label=evergreen.model-digests={digests}",
    ]
    assert not [argument for argument in arguments if " " in argument]


def test_what_is_expected_must_be_there_and_nothing_else(models: Path) -> None:
    first, second = (open_artifact(models / name).version for name in ("other", "sentiment"))
    assert run(models, "--expect", f"sentiment={second},other={first}").returncode == 0
    assert run(models, "--expect", f"sentiment,other={first}").returncode == 0
    for expected in (
        f"sentiment={second}",
        f"sentiment={second},other=20200101-00000000",
        "sentiment",
        "sentiment,other,third",
    ):
        done = run(models, "--expect", expected)
        assert done.returncode == 1
        assert f"the image is to hold {expected}" in done.stderr
        assert done.stdout == ""


def test_a_damaged_file_is_named(models: Path) -> None:
    graph = models / "other" / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    done = run(models)
    assert done.returncode == 1
    assert "other/model.onnx" in done.stderr
    assert done.stdout == ""


def test_a_folder_without_models_is_wrong_usage(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        done = run(folder)
        assert done.returncode == 2
        assert "scripts.pull" in done.stderr


def test_the_commit_is_printed_and_whether_files_had_changed(models: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments]
        return subprocess.run(
            command, cwd=repository, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    (repository / "file").write_text("1")
    git("add", "file")
    git("commit", "--quiet", "--message", "first")
    git("remote", "add", "origin", "https://user:token@example.org/owner/name.git")
    commit = git("rev-parse", "HEAD")
    label = "--label=org.opencontainers.image"
    printed = run(models, directory=repository).stdout.splitlines()
    assert printed[4:] == [
        f"{label}.revision={commit}",
        f"{label}.source=https://example.org/owner/name",
    ]
    (repository / "file").write_text("2")
    assert f"{label}.revision={commit}-dirty" in run(models, directory=repository).stdout
    bare = tmp_path / "bare"
    bare.mkdir()
    assert label not in run(models, directory=bare).stdout


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://token@example.org/owner/name.git", "https://example.org/owner/name"),
        ("https://example.org:8443/owner/name", "https://example.org:8443/owner/name"),
        ("git@example.org:owner/name.git", "https://example.org/owner/name"),
        ("ssh://git@example.org:22/owner/name.git", "https://example.org/owner/name"),
        ("/srv/git/name.git", ""),
        ("file:///srv/git/name.git", ""),
        ("", ""),
    ],
)
def test_an_address_holds_no_user_and_no_token(remote: str, address: str) -> None:
    assert public_address(remote) == address
