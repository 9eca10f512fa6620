"""The app as a whole: it synthesises with nothing set, and what is wrong stops it."""

import json
import os
import subprocess
import sys

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.app import main
from infra.configuration.checks import ConfigurationError
from infra.stages import STAGES
from tests.infra.options import OPTIONS
from tests.infra.scaled import SCALED
from tests.infra.synthesis import CONTEXT, DIGEST, REPOSITORY, synthesise


def _offline() -> list[str]:
    """A command prefix that leaves a process no network, where this machine lets us."""
    command = ["unshare", "--map-root-user", "--net"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return command if done.returncode == 0 else []


OFFLINE = _offline()


@pytest.mark.integration
def test_every_stage_is_made_without_credentials_and_without_a_network(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(CONTEXT),
    }
    done = subprocess.run(
        [*OFFLINE, sys.executable, "-m", "infra.app"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = {path.name.split(".")[0] for path in (tmp_path / "cdk.out").glob("*.template.json")}
    stages = {
        f"evergreen-{stage.name}-{part}" for stage in STAGES for part in ("function", "watch")
    }
    assert made >= {"evergreen-foundation", *stages}


EVERY_OPTION = """
import socket
from infra.stages import PROJECT, STAGES
from tests.infra.options import OPTIONS
from tests.infra.scaled import SCALED
from tests.infra.synthesis import synthesise
print([name for _, name in socket.if_nameindex()])
print([sorted(synthesise(PROJECT, each).templates) for each in (STAGES, OPTIONS, SCALED)])
"""


@pytest.mark.integration
def test_every_option_is_made_without_credentials_and_without_a_network(tmp_path):
    done = subprocess.run(
        [*OFFLINE, sys.executable, "-c", EVERY_OPTION],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    interfaces, made = done.stdout.splitlines()
    assert not OFFLINE or interfaces == "['lo']", "there was a network"
    assert all(f"evergreen-{stage.name}-watch" in made for stage in (*STAGES, *OPTIONS, *SCALED))
    assert "evergreen-nightly-service" in made


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("stage", "staging", "error: stage: 'staging' is none of dev, prod"),
        ("function_image", "latest", "error: function_image: 'latest' is not of the form sha256:"),
        ("rollout", "Fast", "error: function.rollout: 'Fast' is none of AllAtOnce"),
        ("github_oidc", "yes", "error: github_oidc: 'yes' is none of create, existing"),
        ("api_key_version", "x", "error: api_key_version: 'x' is not of the form a number"),
    ],
)
def test_a_context_that_makes_no_sense_is_one_line(tmp_path, key, value, says):
    with pytest.raises(SystemExit) as refused:
        main(cdk.App(outdir=str(tmp_path), context={**CONTEXT, key: value}))
    assert str(refused.value).startswith(says)
    assert "\n" not in str(refused.value)


def test_a_stage_may_be_asked_for_alone(project):
    made = synthesise(project, STAGES, stage="dev").templates
    assert set(made) == {"evergreen-foundation", "evergreen-dev-function", "evergreen-dev-watch"}


def test_two_stages_of_one_name_are_refused(project):
    with pytest.raises(ConfigurationError, match=r"^stages: two have one name: dev, dev"):
        synthesise(project, [STAGES[0], STAGES[0]])


def test_nothing_is_found_wrong_with_any_stage_or_option(assembly):
    assert assembly.violations == []


def plant(app: cdk.App) -> None:
    """Add a bucket open to plain HTTP and a role with every permission."""
    stack = cdk.Stack(app, "canary")
    s3.Bucket(stack, "Bucket")
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    role.add_to_policy(iam.PolicyStatement(actions=["*"], resources=["*"]))


def test_a_planted_violation_stops_the_synthesis(project):
    found = synthesise(project, STAGES[:1], also=plant).violations
    rules = {each.split(" at ")[0] for each in found}
    assert {"AwsSolutions-S1", "AwsSolutions-S10", "AwsSolutions-IAM5[Action::*]"} <= rules
    # A reason that is written for one role's `*` does not cover another's.
    assert "AwsSolutions-IAM5[Resource::*]" in rules
    assert all(" at canary/" in each for each in found)


def test_stages_of_other_regions_have_a_foundation_of_their_own(options):
    regions = {(stage.account, stage.region) for stage in OPTIONS}
    foundations = [name for name in options.templates if name.startswith("evergreen-foundation")]
    assert len(foundations) == len(regions) == 3


def test_everything_that_can_bear_a_tag_says_whose_cost_it_is(assembly):
    for stack, name, resource in assembly.all():
        tags = resource.get("Properties", {}).get("Tags")
        if tags is None:
            continue
        pairs = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        assert pairs["project"] == "evergreen", (stack, name)
        assert pairs["part"] == stack.split("-")[-1] or "foundation" in stack, (stack, name)
        assert "foundation" in stack or pairs["stage"] == stack.split("-")[1], (stack, name)


def test_tags_of_ones_own_reach_the_resources(options):
    function = options.only("evergreen-everything-function", "AWS::CodeDeploy::Application")
    assert {"Key": "cost-centre", "Value": "42"} in function["Properties"]["Tags"]


def test_cloudformation_finds_nothing_wrong_in_any_template(assembly):
    from cfnlint.api import ManualArgs, lint

    for path in sorted(assembly.folder.glob("*.template.json")):
        # W3005: dependencies that the CDK writes down though a reference says them already.
        found = lint(
            path.read_text(), config=ManualArgs(ignore_checks=["W3005"], regions=["eu-central-1"])
        )
        assert not found, (path.name, [str(each) for each in found])


def test_a_template_without_an_image_asks_for_it(options, shipped):
    asked = options.templates["evergreen-nothing-function"]["Parameters"]["FunctionImage"]
    assert asked["AllowedPattern"] == "^[0-9a-f]{64}$"
    assert "Default" not in asked
    given = shipped.templates["evergreen-dev-function"]
    assert "FunctionImage" not in given["Parameters"]
    assert DIGEST in str(given)
