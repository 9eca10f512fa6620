"""Commands that targets of the Makefile would run, before the environment exists."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.benchmark import report
from tests.commands import REPOSITORY


def made(target: str, tmp_path: Path, *variables: str) -> list[str]:
    """The lines of a target and of all that it needs, none of them run."""
    done = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path}/venv", *variables, target],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def positions(lines: list[str], *words: str) -> list[int]:
    """Return the index of the first line that holds each of the words."""
    return [next(n for n, line in enumerate(lines) if word in line) for word in words]


def test_a_gpu_is_measured_by_a_torch_for_it_after_the_models_were_pulled(tmp_path: Path) -> None:
    """The build for CPUs satisfies every pin, so it has to be replaced by name."""
    lines = made("benchmark-gpu", tmp_path)
    order = positions(
        lines,
        "-r tests/requirements.txt",
        "--torch-backend auto --reinstall-package torch torch==",
        "-m scripts.pull",
        "/bin/python -m scripts.benchmark_gpu --json docs/benchmarks-gpu.json",
    )
    assert order == sorted(order)
    assert "--torch-backend cpu" not in "\n".join(lines)


def test_another_build_of_torch_can_be_asked_for(tmp_path: Path) -> None:
    lines = made("benchmark-gpu", tmp_path, "TORCH_BACKEND=cu126")
    assert positions(lines, "--torch-backend cu126 --reinstall-package torch")
    assert "--torch-backend auto" not in "\n".join(lines)


def test_tests_take_the_torch_for_cpus(tmp_path: Path) -> None:
    lines = "\n".join(made("test", tmp_path))
    assert "--torch-backend cpu" in lines
    assert "--reinstall-package" not in lines


def test_every_lock_is_audited_and_each_image_s_has_an_sbom(tmp_path: Path) -> None:
    (audit,) = [line for line in made("audit", tmp_path) if "pip-audit --strict" in line]
    locks = {str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("*/requirements*.txt")}
    assert {*re.findall(r"-r (\S+)", audit)} == locks - {"scripts/requirements-notebook.txt"}
    assert "--ignore-vuln" not in audit
    sbom = "\n".join(made("sbom", tmp_path))
    assert sbom.count("build/sbom/$lock.cdx.json function/$lock.txt") == 1


def test_a_soak_takes_its_seconds_and_texts(tmp_path: Path) -> None:
    assert "-m tests.soak --seconds 600 " in "\n".join(made("soak", tmp_path))
    lines = "\n".join(made("soak", tmp_path, "SECONDS=60", "DATA=texts"))
    assert "-m tests.soak --seconds 60 --data texts/imdb/test.parquet" in lines


def test_the_page_names_the_target_that_closes_what_is_open() -> None:
    assert "    make benchmark-gpu DATA=" in report.gpu_section(None)


@pytest.mark.parametrize(
    ("target", "command"),
    [("benchmark", "scripts.benchmark"), ("benchmark-gpu", "scripts.benchmark_gpu")],
)
def test_benchmarks_read_real_texts_where_they_are_given(
    target: str, command: str, tmp_path: Path
) -> None:
    (made_up,) = (line for line in made(target, tmp_path) if f"-m {command} " in line)
    (real,) = (line for line in made(target, tmp_path, "DATA=sets") if f"-m {command} " in line)
    assert "--data" not in made_up
    assert real.endswith(" --data sets/imdb/test.parquet")


def refused(target: str, *variables: str, path: str = "/nowhere") -> str:
    """Return the message of a target that ends before it does anything."""
    done = subprocess.run(
        [str(shutil.which("make")), "--dry-run", *variables, target],
        cwd=REPOSITORY,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    found = re.fullmatch(r"Makefile:\d+: \*\*\* (.*)\.  Stop\.\n", done.stderr)
    assert found, done.stderr
    return found[1]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("rehearse", "there is no podman here: 'make packages' installs it on Debian or Ubuntu"),
        ("container", "there is no podman here: 'make packages' installs it on Debian or Ubuntu"),
        ("image-lambda", "there is no docker with buildx here: install docker-buildx, or add"),
        ("image-server", "there is no docker with buildx here: install docker-buildx, or add"),
        ("deploy", "which stage? Say STAGE=NAME, one of infra/stages.py: make deploy STAGE=dev"),
        ("destroy", "which stage? Say STAGE=NAME, one of infra/stages.py: make destroy STAGE=dev"),
    ],
)
def test_what_is_missing_is_one_line_before_anything_is_installed(
    target: str, message: str
) -> None:
    assert refused(target).startswith(message)


def test_images_are_built_with_podman_where_it_is_named(tmp_path: Path) -> None:
    assert refused("image-lambda", "BUILDER=podman").startswith("there is no podman here")
    (tmp_path / "podman").write_text("#!/bin/sh\n")
    (tmp_path / "podman").chmod(0o755)
    missing = refused("rehearse", path=str(tmp_path))
    assert missing.startswith("there is no docker-registry here")


@pytest.mark.parametrize(
    ("target", "command"), [("lambda", "scripts.emulate"), ("doctor", "scripts.doctor")]
)
def test_the_emulator_and_the_doctor_need_no_training_stack(
    target: str, command: str, tmp_path: Path
) -> None:
    lines = "\n".join(made(target, tmp_path))
    assert f"-m {command}" in lines
    assert "torch" not in lines
    assert "tests/requirements.txt" not in lines


def test_help_lists_what_a_target_needs_of_the_machine() -> None:
    lines = subprocess.run(
        ["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    needed = {line.split()[1]: line for line in lines}
    assert "need-docker" not in needed
    for target in ("rehearse", "container", "container-gpu"):
        assert "needs podman" in needed[target]
    for target in ("image-lambda", "deploy"):
        assert "buildx" in needed[target]
    assert "asks for root" in needed["packages"]
