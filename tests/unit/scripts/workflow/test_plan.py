"""Who deploys a stage and where, and who does not."""

import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from infra.configuration.deployment import Deployment
from infra.configuration.function import FunctionConfiguration
from infra.configuration.project import GitHubRepository
from infra.configuration.service import ServiceConfiguration
from infra.stages import DEV, FULL, PROD, PROJECT
from scripts.deploy.builds import image_specs
from scripts.workflow.plan import obstacle, outputs
from tests.commands import REPOSITORY
from tests.infra.options import OPTIONS
from tests.infra.scaled import SCALED

OURS = GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22)
FORK = replace(PROJECT, repository=OURS)
STAGE = replace(PROD, account="123456789012")
JOB = {
    "GITHUB_REPOSITORY": "acme/texts",
    "GITHUB_REPOSITORY_ID": "22",
    "GITHUB_REPOSITORY_OWNER_ID": "11",
    "GITHUB_REF": "refs/heads/main",
}


def test_the_repository_that_the_configuration_names_may_deploy() -> None:
    assert obstacle(Deployment(FORK, STAGE), JOB) == ""


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("GITHUB_REPOSITORY", "other/texts", "is of acme/texts 22 11, and this is other/texts 22"),
        ("GITHUB_REPOSITORY_ID", "23", "and this is acme/texts 23 11"),
        ("GITHUB_REPOSITORY_OWNER_ID", "12", "and this is acme/texts 22 12"),
        ("GITHUB_REF", "refs/heads/other", "only main deploys, and this is refs/heads/other"),
        ("GITHUB_REF", "refs/pull/7/merge", "only main deploys"),
    ],
)
def test_any_other_may_not(variable: str, value: str, why: str) -> None:
    assert why in obstacle(Deployment(FORK, STAGE), {**JOB, variable: value})


def test_nor_may_the_template_or_a_machine_that_is_no_job() -> None:
    template = replace(OURS, repository_id=0)
    assert "names no repository yet" in obstacle(
        Deployment(replace(FORK, repository=template), STAGE), JOB
    )
    assert "and this is" in obstacle(Deployment(FORK, STAGE), {})


def test_nor_may_a_stage_that_people_alone_deploy() -> None:
    why = obstacle(Deployment(FORK, replace(STAGE, environments=())), JOB)
    assert why == "infra/stages.py lets no environment on GitHub deploy stage prod"


def test_nor_may_a_stage_without_an_account() -> None:
    why = obstacle(Deployment(FORK, replace(STAGE, account="")), JOB)
    assert why == "infra/stages.py gives stage prod no account"


def test_roles_bucket_and_repositories_are_those_of_the_template() -> None:
    inventory = (REPOSITORY / "tests/infra/inventory/evergreen-foundation.txt").read_text()
    names = set(re.findall(r"  (?:IAM::Role|ECR::Repository)  '(.+?)'", inventory))
    assert len(names) == 8
    for stage in (DEV, PROD):
        found = outputs(Deployment(PROJECT, replace(stage, account="123456789012")), (DEV, PROD))
        roles = ("push_role", "refresh_role", "deploy_role")
        for role in (*roles, *(["refresh_deploy_role"] if stage.refresh_environment else [])):
            arn, _, name = found[role].partition("/")
            assert name in names
            assert arn == "arn:aws:iam::123456789012:role"
        for repository in ("function_repository", "server_repository"):
            host, _, name = found[repository].partition("/")
            assert name in names
            assert host == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    assert "S3::Bucket  'evergreen-models-<AccountId>-eu-central-1'" in inventory
    assert found["registry"] == "s3://evergreen-models-123456789012-eu-central-1"


SERVICES = (
    None,
    ServiceConfiguration(),
    *(ServiceConfiguration(capacity="fargate", architecture=each) for each in ("arm64", "x86_64")),
)
EVERY_STAGE = (
    *(DEV, PROD, FULL, *OPTIONS, *SCALED),
    *(
        replace(STAGE, function=FunctionConfiguration(architecture=architecture), service=service)
        for architecture in ("arm64", "x86_64")
        for service in SERVICES
    ),
)
MACHINES = {"ubuntu-24.04": "linux/amd64", "ubuntu-24.04-arm": "linux/arm64"}


@pytest.mark.parametrize("stage", EVERY_STAGE)
def test_every_image_is_built_on_a_machine_of_its_own_architecture(stage) -> None:
    """GitHub's runners have no emulator of the other one."""
    found = outputs(Deployment(PROJECT, stage), (stage,))
    images = image_specs(Deployment(PROJECT, stage))
    runners = {image: found[f"{image}_runner"] for image in ("function", "server")}
    assert {image for image, runner in runners.items() if runner} == set(images)
    for image, spec in images.items():
        assert MACHINES[runners[image]] == spec.platform, image
        assert found["server_variant"] == spec.arguments.get("VARIANT", "") or image == "function"


def test_a_rollback_has_an_environment_of_its_own_where_the_stage_names_one() -> None:
    assert outputs(Deployment(PROJECT, STAGE), (STAGE,))["rollback_environment"] == "prod"
    named = replace(STAGE, environments=("prod", "prod-rollback"))
    assert outputs(Deployment(PROJECT, named), (named,))["rollback_environment"] == "prod-rollback"


def test_the_refresh_deploys_by_a_role_of_its_own() -> None:
    found = outputs(Deployment(PROJECT, STAGE), (STAGE,))
    assert found["deploy_role"].endswith(":role/evergreen-prod-deploy")
    assert found["refresh_deploy_role"].endswith(":role/evergreen-prod-refresh")


def test_it_needs_nothing_that_must_be_installed(tmp_path) -> None:
    """-S leaves out installed packages, so the runner's own Python is enough."""
    outputs_file, summary = tmp_path / "outputs", tmp_path / "summary"
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-m",
            "scripts.workflow.plan",
            "--stage",
            "prod",
            "--outputs",
            outputs_file,
        ],
        cwd=REPOSITORY,
        env={"GITHUB_STEP_SUMMARY": str(summary), **JOB},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split("=", 1) for line in outputs_file.read_text().splitlines())
    assert said["configured"] == "false"
    assert said["why"] in summary.read_text()
    assert said["why"] in done.stdout


def test_what_is_configured_goes_to_the_jobs_and_the_rest_stays_silent(
    tmp_path, monkeypatch
) -> None:
    from scripts.workflow import plan

    file, summary = tmp_path / "outputs", tmp_path / "summary"
    monkeypatch.setattr(plan, "load_stage", lambda name: Deployment(FORK, STAGE))
    monkeypatch.setattr(plan, "os", SimpleNamespace(environ=JOB))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setattr(sys, "argv", ["plan", "--stage", "prod", "--outputs", str(file)])
    plan.main()
    said = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert said == {"configured": "true", "why": "", **outputs(Deployment(FORK, STAGE), (STAGE,))}
    assert not summary.exists()
