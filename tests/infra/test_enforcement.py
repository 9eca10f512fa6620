"""GitHub's roles in an account that enforces their policies: moto's, over HTTP for S3 and STS.

For other services moto's evaluator is asked about action and resource. It knows no conditions:
test_github_trust.py and test_image_changes.py do. tests/unit/scripts/test_roles.py has whole
commands.
"""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.iam.access_control import IAMPolicy, PermissionResult

from tests.aws import aws, moto_endpoint
from tests.infra.enforcement import (
    ACCOUNT,
    CDK_ROLE,
    REGION,
    Enforcement,
    document,
    reset_account,
    role_policies,
)

__all__ = ["aws", "moto_endpoint"]

STACK = "evergreen-foundation"
BUCKET = f"evergreen-models-{ACCOUNT}-{REGION}"
ROLES = ("push", "refresh", "dev-deploy", "prod-deploy", "prod-refresh")


@pytest.fixture(scope="session")
def policies(shipped) -> dict[str, list[dict[str, Any]]]:
    return role_policies(shipped)


@pytest.fixture
def client(aws, policies, monkeypatch) -> Iterator[Callable[[str, str], Any]]:
    """Return clients with a role's credentials, in an account that enforces policies."""
    reset_account(aws["AWS_ENDPOINT_URL"])
    s3 = boto3.client("s3")
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    for key in ("sentiment/versions/1/manifest.json", "releases/dev/1.json"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    enforcement = Enforcement(monkeypatch, policies)

    def made(role: str, service: str) -> Any:
        with enforcement.acting(role):
            return boto3.Session().client(service)  # type: ignore[call-overload]

    with enforcement.acting("push"):
        yield made
    reset_account(aws["AWS_ENDPOINT_URL"])


def passes(call: Callable[..., object], **arguments: object) -> bool:
    """Return whether AWS lets a call pass; any refusal but a missing permission is an error."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
            raise
        return False
    return True


WRITES = {
    "sentiment/versions/2/manifest.json": {"refresh"},
    "sentiment/verdicts/1.json": {"refresh"},
    "sentiment/looks/last.json": {"refresh"},
    "sentiment/aliases/candidate.json": {"refresh"},
    "sentiment/aliases/production.json": {"prod-deploy", "prod-refresh"},
    "releases/prod/1.json": {"prod-deploy", "prod-refresh"},
    "releases/dev/2.json": {"dev-deploy"},
    "releases/production/1.json": set(),
    "sentiment/golden/current.json": set(),
}


def test_each_role_reads_the_registry_and_writes_its_own_keys_alone(client):
    for role in ROLES:
        s3 = client(role, "s3")
        model = {"Bucket": BUCKET, "Key": "sentiment/versions/1/manifest.json"}
        assert passes(s3.get_object, **model), role
        assert passes(s3.list_objects_v2, Bucket=BUCKET), role
        assert not passes(s3.delete_object, **model), role
        for key, writers in WRITES.items():
            allowed = passes(s3.put_object, Bucket=BUCKET, Key=key, Body=b"{}")
            assert allowed == (role in writers), (role, key)


def test_only_roles_that_somebody_can_approve_get_the_roles_of_the_cdk(client):
    bootstrap = f"arn:aws:iam::{ACCOUNT}:role/{CDK_ROLE}"
    for role in ROLES:
        sts = client(role, "sts")
        allowed = passes(sts.assume_role, RoleArn=bootstrap, RoleSessionName="job")
        assert allowed == role.endswith("-deploy"), role


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


IMAGES = arn("ecr", "repository/evergreen/function")
CALLS = [
    ("ecr:PutImage", IMAGES, {"push", "dev-deploy", "prod-deploy", "prod-refresh"}),
    ("ecr:InitiateLayerUpload", IMAGES, {"push"}),
    ("ecr:DeleteRepository", IMAGES, set()),
    *(
        (action, resource.format(stage), {f"{stage}-deploy", f"{stage}-refresh"} & {*ROLES})
        for stage in ("dev", "prod")
        for action, resource in (
            ("cloudformation:DescribeStacks", arn("cloudformation", "stack/evergreen-{}-watch/1")),
            ("lambda:GetFunction", arn("lambda", "function:evergreen-{}:live")),
            (
                "codedeploy:GetDeployment",
                arn("codedeploy", "deploymentgroup:evergreen-{0}/evergreen-{0}"),
            ),
            ("ssm:GetParameter", arn("ssm", "parameter/evergreen/{}/api-key-sha256")),
        )
    ),
    (
        "cloudformation:UpdateStack",
        arn("cloudformation", "stack/evergreen-prod-function/1"),
        {"prod-refresh"},
    ),
    ("cloudformation:UpdateStack", arn("cloudformation", "stack/evergreen-dev-function/1"), set()),
    ("cloudformation:UpdateStack", arn("cloudformation", "stack/evergreen-prod-watch/1"), set()),
    ("cloudformation:UpdateStack", arn("cloudformation", f"stack/{STACK}/1"), set()),
    ("cloudformation:CreateStack", arn("cloudformation", "stack/evergreen-prod-function/1"), set()),
    ("lambda:UpdateFunctionCode", arn("lambda", "function:evergreen-prod"), {"prod-image-changes"}),
    ("lambda:UpdateFunctionCode", arn("lambda", "function:evergreen-dev"), set()),
    ("lambda:DeleteFunction", arn("lambda", "function:evergreen-prod"), set()),
    ("lambda:DeleteFunction", arn("lambda", "function:evergreen-prod:7"), {"prod-image-changes"}),
    ("lambda:CreateFunction", arn("lambda", "function:evergreen-prod-function-x"), set()),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/evergreen-prod-image-changes", {"prod-refresh"}),
    (
        "iam:PassRole",
        f"arn:aws:iam::{ACCOUNT}:role/evergreen-prod-function-X",
        {"prod-image-changes"},
    ),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/evergreen-dev-function-X", set()),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role", set()),
    ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/evergreen-prod-function-X", set()),
]


@pytest.mark.parametrize(("action", "resource", "roles"), CALLS)
def test_a_role_reaches_its_own_stage_and_no_other(policies, action, resource, roles):
    allowed = {
        role
        for role, statements in policies.items()
        if IAMPolicy(document(statements)).is_action_permitted(action, resource)
        == PermissionResult.PERMITTED
    }
    assert allowed - {"prod-image-changes"} == roles - {"prod-image-changes"}
    # CloudFormation's role reads its own stage besides, and changes what it says above.
    assert ("prod-image-changes" in allowed) <= ("evergreen-dev" not in resource)
    assert ("prod-image-changes" in roles) <= ("prod-image-changes" in allowed)
