"""Jobs that deploy to the sandbox, and those that say in one line why not."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from infra.configuration.project import GitHubRepository
from infra.configuration.sandbox import SandboxConfiguration
from infra.stages import PROJECT
from scripts.workflow.plan_sandbox import obstacle, outputs
from tests.commands import REPOSITORY

OURS = GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22)
FORK = replace(PROJECT, repository=OURS)
SANDBOX = SandboxConfiguration(account="999999999999", region="eu-central-1")
JOB = {
    "GITHUB_REPOSITORY": "acme/texts",
    "GITHUB_REPOSITORY_ID": "22",
    "GITHUB_REPOSITORY_OWNER_ID": "11",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_ACTOR": "somebody",
}
PULL = {**JOB, "GITHUB_REF": "refs/pull/7/merge"}


@pytest.mark.parametrize("ref", ["refs/pull/7/merge", "refs/heads/main"], ids=["open", "merged"])
def test_a_pull_request_of_the_repository_itself_is_deployed(ref: str) -> None:
    assert obstacle(FORK, SANDBOX, "pr-7", "acme/texts", {**JOB, "GITHUB_REF": ref}) == ""


@pytest.mark.parametrize("head", ["someone/texts", "acme/other", ""])
def test_a_forks_is_not(head: str) -> None:
    assert obstacle(FORK, SANDBOX, "pr-7", head, PULL).endswith(", a fork")


def test_nor_is_one_of_dependabot_whose_jobs_get_no_credentials() -> None:
    job = {**PULL, "GITHUB_ACTOR": "dependabot[bot]"}
    assert "Dependabot" in obstacle(FORK, SANDBOX, "pr-7", "acme/texts", job)


@pytest.mark.parametrize("stage", ["nightly", "sandbox"])
def test_nights_and_sweeps_are_of_main_alone(stage: str) -> None:
    assert obstacle(FORK, SANDBOX, stage, "", JOB) == ""
    assert obstacle(FORK, SANDBOX, stage, "", PULL).startswith("only main does")


@pytest.mark.parametrize("stage", ["pr-7", "nightly", "sandbox"])
def test_nothing_is_until_the_stages_name_a_sandbox_and_in_a_forks_copy(stage: str) -> None:
    assert "names no sandbox; docs/sandbox.md" in obstacle(FORK, None, stage, "acme/texts", JOB)
    other = {**JOB, "GITHUB_REPOSITORY": "someone/texts", "GITHUB_REPOSITORY_ID": "9"}
    assert "and this is someone/texts" in obstacle(FORK, SANDBOX, stage, "someone/texts", other)
    assert "names no repository yet" in obstacle(PROJECT, SANDBOX, stage, "acme/texts", JOB)


@pytest.mark.parametrize(
    ("everything", "gpu", "stages"),
    [
        (False, False, ["nightly"]),
        (False, True, ["nightly"]),
        (True, False, ["nightly-full"]),
        (True, True, ["nightly-full", "nightly-gpu"]),
    ],
)
def test_sundays_check_everything_and_a_gpu_where_there_is_one(everything, gpu, stages) -> None:
    found = outputs(FORK, SANDBOX, everything=everything, gpu=gpu)
    planned = json.loads(found["stages"])
    assert [each["stage"] for each in planned] == stages
    runners = {each["stage"]: each["runner"] for each in planned}
    assert runners.get("nightly-gpu", "ubuntu-24.04") == "ubuntu-24.04"
    assert {each["stage"] for each in planned if each["gpu"]} <= {"nightly-gpu"}


def test_roles_are_those_of_the_template() -> None:
    found = outputs(FORK, SANDBOX, everything=False, gpu=False)
    role = "arn:aws:iam::999999999999:role/evergreen"
    assert found["preview_role"] == f"{role}-preview-jobs"
    assert found["nightly_role"] == f"{role}-sandbox-nightly"
    assert found["runner"] == "ubuntu-24.04-arm"


@pytest.mark.parametrize(("stage", "code"), [("pr-7", 0), ("nightly", 0), ("prod", 2), ("pr-0", 2)])
def test_as_it_ships_a_job_ends_green_with_a_notice_and_needs_no_package(tmp_path, stage, code):
    outputs_file, summary = tmp_path / "outputs", tmp_path / "summary"
    done = subprocess.run(
        [
            *(sys.executable, "-S", "-m", "scripts.workflow.plan_sandbox", "--stage", stage),
            *("--head", "acme/texts", "--outputs", str(outputs_file)),
        ],
        cwd=REPOSITORY,
        env={**JOB, "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    if code == 0:
        assert outputs_file.read_text().startswith("configured=false\n")
        assert done.stdout.startswith("::notice::Nothing is deployed to the sandbox: ")
        assert summary.read_text().count("\n") == 2, "one line"
