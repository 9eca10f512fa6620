"""Roles of GitHub's jobs may do what the commands do, or the first run there fails."""

import fnmatch
from threading import current_thread, main_thread

import boto3
import pytest
from botocore.client import BaseClient

from function.core.artifact import open_artifact
from infra.stages import PROD, PROJECT
from scripts import build, redeploy
from scripts.deploy import __main__ as deploy
from scripts.deploy import image_update
from tests.infra.policies import statements
from tests.infra.synthesis import synthesise
from tests.stand_ins.account import BUCKET
from tests.tiny import write_artifact

# Where the name of an action is not the call's.
ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
}
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}


@pytest.fixture(scope="module")
def identities():
    """What every role of the account may do."""
    assembly = synthesise(PROJECT, [PROD])
    return [each for each in statements(assembly) if each.kind == "identity"]


@pytest.fixture
def calls(cloud, monkeypatch):
    """What the command itself asks of AWS: actions, and the keys of S3 that it writes."""
    made: list[tuple[str, str]] = []
    faking: list[bool] = []
    really = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client, operation, parameters):
        # What answers callers, in another thread, reads its keys.
        if not faking and current_thread() is main_thread():
            action = f"{client.meta.service_model.signing_name}:{operation}"
            made.append((ACTIONS.get(action, action), parameters.get("Key", "")))
        return really(client, operation, parameters)

    def unnoted(run):
        def wrapped(*arguments):
            faking.append(True)
            try:
                return run(*arguments)
            finally:
                faking.pop()

        return wrapped

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    for program in (cloud.cdk, cloud.docker):
        monkeypatch.setattr(program, "run", unnoted(program.run))
    return made


def pushed():
    details = boto3.client("ecr").describe_images(repositoryName="evergreen/function")
    return {each["imageDigest"] for each in details["imageDetails"]}


@pytest.fixture
def released(line, cloud, source, calls):
    """prod, delivered once: image and models as another job passes them on."""
    code, _, err = line(deploy, "--stage", "prod", "--yes", "--registry", str(source))
    assert code == 0, err
    (image,) = pushed()
    (version,) = cloud.registry().versions("sentiment")
    given = ["--function-image", image, "--models", f"sentiment={version}"]
    calls.clear()
    return given


def check(calls, identities, role):
    """Every call, and every key that is written, is allowed; what is written."""
    statements = [each for each in identities if each.where.startswith(role)]
    used = {action for action, _ in calls} - WITHOUT_PERMISSION
    allowed = {action for each in statements for action in each.actions}
    assert used <= allowed, sorted(used - allowed)
    patterns = [
        resource.partition("/")[2]
        for each in statements
        if "s3:PutObject" in each.actions
        for resource in each.resources
    ]
    written = [key for action, key in calls if action == "s3:PutObject"]
    for key in written:
        assert any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns), key
    return written


def test_the_deploy_role_may_do_all_that_a_deployment_does(line, released, calls, identities):
    # As after another stage's first deployment: production has yet to move.
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="sentiment/aliases/production.json")
    calls.clear()
    assert line(deploy, "--stage", "prod", *released)[0] == 0
    written = check(calls, identities, "evergreen-foundation/ProdDeploy")
    assert "sentiment/aliases/production.json" in written
    assert len(written) == 2


def test_the_refresh_role_may_do_all_that_a_change_of_images_does(
    line, released, calls, identities, monkeypatch
):
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {}}
    url = boto3.client("cloudformation").describe_stacks(StackName="evergreen-prod-function")
    template["Outputs"] = {
        each["OutputKey"]: {"Value": each["OutputValue"]} for each in url["Stacks"][0]["Outputs"]
    }
    templates = {"evergreen-prod-function": {**template, "Metadata": {"image": "another"}}}
    monkeypatch.setattr(image_update, "synthesise", lambda stage, context: templates)
    calls.clear()
    assert line(deploy, "--stage", "prod", "--images-only", *released)[0] == 0
    assert ("cloudformation:UpdateStack", "") in calls
    written = check(calls, identities, "evergreen-foundation/ProdRefreshRole")
    assert any(key.startswith("releases/prod/") for key in written)


def test_the_deploy_role_may_go_back(line, cloud, released, calls, identities, tmp_path):
    artifact = open_artifact(write_artifact(tmp_path / "newer", values={"good": 1.0}))
    newer = cloud.registry().publish(artifact)
    assert line(build, "--stage", "prod", "--models", f"sentiment={newer}")[0] == 0
    given = ["--function-image", released[1], "--models", f"sentiment={newer}"]
    given[1] = next(each for each in pushed() if each != released[1])
    assert line(deploy, "--stage", "prod", *given)[0] == 0
    calls.clear()
    assert line(redeploy, "--stage", "prod")[0] == 0
    written = check(calls, identities, "evergreen-foundation/ProdDeploy")
    assert "sentiment/aliases/production.json" in written
    assert len(written) == 2


def test_the_push_role_may_build(line, released, calls, identities):
    line.on("f" * 40)
    assert line(build, "--stage", "prod")[0] == 0
    assert check(calls, identities, "evergreen-foundation/ImageRolesPush") == []
