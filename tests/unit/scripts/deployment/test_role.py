"""The role that deploys from GitHub may do what the command does, or the first run there fails."""

import fnmatch
import sys

import boto3
import pytest
from botocore.client import BaseClient

from infra.stages import PROD, PROJECT
from scripts import deploy
from scripts.deployment import live
from scripts.deployment.api_key import digest_of
from tests.infra.policies import statements
from tests.infra.synthesis import synthesise
from tests.unit.scripts.deployment import fake_cdk, fake_docker
from tests.unit.scripts.deployment.conftest import BUCKET

# Where the name of an action is not the call's.
ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
}
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}


@pytest.fixture
def calls(monkeypatch):
    """What the command itself asks of AWS: actions, and the keys of S3 that it writes."""
    made: list[tuple[str, str]] = []
    faking: list[bool] = []
    really = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client, operation, parameters):
        if not faking:
            action = f"{client.meta.service_model.signing_name}:{operation}"
            made.append((ACTIONS.get(action, action), parameters.get("Key", "")))
        return really(client, operation, parameters)

    def unnoted(main):
        def wrapped(*arguments):
            faking.append(True)
            try:
                return main(*arguments)
            finally:
                faking.pop()

        return wrapped

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    monkeypatch.setattr(fake_cdk, "main", unnoted(fake_cdk.main))
    monkeypatch.setattr(fake_docker, "main", unnoted(fake_docker.main))
    return made


def deployed(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["deploy", "--stage", "prod", *arguments])
    deploy.main()


def test_the_deploy_role_may_do_all_that_a_deployment_from_github_does(
    cloud, source, calls, monkeypatch
):
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0)
    monkeypatch.setenv("EVERGREEN_API_KEY", "key")
    boto3.client("ssm").put_parameter(
        Name=PROJECT.key_parameter("prod"), Value=digest_of("key"), Type="String"
    )
    cloud.accepted = lambda: digest_of("key")
    deployed(monkeypatch, "--yes", "--registry", str(source))
    details = boto3.client("ecr").describe_images(repositoryName="evergreen/function")
    image = details["imageDetails"][0]["imageDigest"]
    (version,) = cloud.registry().versions("sentiment")
    # As after another stage's first deployment: production has yet to move.
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="sentiment/aliases/production.json")
    calls.clear()
    deployed(monkeypatch, "--function-image", image, "--models", f"sentiment={version}")
    assert ("s3:PutObject", "sentiment/aliases/production.json") in calls
    used = {action for action, _ in calls} - WITHOUT_PERMISSION
    assembly = synthesise(PROJECT, [PROD])
    role = [
        each
        for each in statements(assembly)
        if each.kind == "identity" and each.where.startswith("evergreen-foundation/ProdDeploy")
    ]
    allowed = {action for each in role for action in each.actions}
    assert used <= allowed, sorted(used - allowed)
    patterns = [
        resource.partition("/")[2]
        for each in role
        if "s3:PutObject" in each.actions
        for resource in each.resources
    ]
    written = [key for action, key in calls if action == "s3:PutObject"]
    assert len(written) == 2
    for key in written:
        assert any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns), key
