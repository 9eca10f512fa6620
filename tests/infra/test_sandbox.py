"""The sandbox: its roles reach previews of pull requests, and nothing that another stage has."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import IAMPolicy, PermissionResult

from infra.configuration.checks import ConfigurationError
from infra.configuration.sandbox import NIGHTLY, PreviewProject, SandboxConfiguration, is_preview
from infra.stages import DEV, STAGES
from infra.stages import SANDBOX as SHIPPED
from scripts.deploy.image_update import LARGEST_TEMPLATE
from tests.aws import aws, moto_endpoint
from tests.infra.enforcement import ANYBODY, reset_account
from tests.infra.policies import holds, many, statements, written
from tests.infra.synthesis import DIGEST, synthesise
from tests.infra.test_enforcement import passes

__all__ = ["aws", "moto_endpoint"]

ACCOUNT, REGION = "999999999999", "eu-central-1"
SANDBOX = SandboxConfiguration(account=ACCOUNT, region=REGION)
STACK, PREVIEW = "evergreen-sandbox", "evergreen-pr-7-function"
ISSUER = "token.actions.githubusercontent.com"
JOBS, CHANGES, BOUNDARY = (f"evergreen-preview-{each}" for each in ("jobs", "changes", "boundary"))
# Calls for options that no preview has: networks, file systems, keys, signed code, layers, other
# targets and destinations.
NOT_MADE = {
    *("apigateway:TagResource", "apigateway:UntagResource"),  # of schemas alone; IAM has PUT /tags
    "codedeploy:RegisterOnPremisesInstance",
    *(f"iam:{each}{of}Policy" for each in ("Get", "Put", "Delete") for of in ("User", "Group")),
    *("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"),
    *("lambda:AssociateRuntimeAlias", "lambda:GetLayerVersion", "lambda:PassCapacityProvider"),
    *(f"lambda:{each}CodeSigningConfig" for each in ("Get", "PutFunction", "DeleteFunction")),
    *("logs:AssociateKmsKey", "logs:DisassociateKmsKey", "logs:DeleteResourcePolicy"),
    *("logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection"),
    "s3:REST.PUT.OBJECT",
}
SERVICES_NOT_USED = ("ec2", "elasticfilesystem", "kms", "s3files", "firehose", "iot", "sqs")


@pytest.fixture(scope="module")
def made(project):
    """The sandbox's stack and a preview's, as CloudFormation gets them."""
    found = [
        synthesise(project, STAGES, sandbox=SANDBOX, stage=each, function_image=DIGEST)
        for each in ("sandbox", "pr-7")
    ]
    yield found
    for each in found:
        shutil.rmtree(each.folder)


@pytest.fixture(scope="module")
def policies(made):
    """Return the statements of each role and of the boundary, by the role's name."""
    sandbox, _ = made
    template = sandbox.templates[STACK]["Resources"]
    names = {
        id_: each["Properties"].get("RoleName") or each["Properties"].get("ManagedPolicyName")
        for id_, each in template.items()
        if each["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
    }
    found: dict[str, Any] = {}
    for id_, each in template.items():
        if each["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            continue
        owners = [role["Ref"] for role in each["Properties"].get("Roles", [])] or [id_]
        for owner in owners:
            for statement in each["Properties"]["PolicyDocument"]["Statement"]:
                found.setdefault(names[owner], []).append(
                    {
                        "Effect": statement["Effect"],
                        "Action": many(statement["Action"]),
                        "Resource": [resolved(r, names) for r in many(statement["Resource"])],
                        **({"Condition": c} if (c := statement.get("Condition")) else {}),
                    }
                )
    return found


def resolved(resource, names):
    text = written(resource).replace("<AWS::Partition>", "aws")
    text = re.sub(r"<(\w+)\.Arn>", lambda found: real_arn(found[1], names), text)
    text = re.sub(r"<(PreviewsBoundary\w+)>", f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}", text)
    assert "<" not in text, text
    return text


def real_arn(id_, names):
    if id_.startswith("ImagesRepository"):
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/evergreen/preview"
    if id_.startswith("Bucket"):
        return f"arn:aws:s3:::evergreen-preview-assets-{ACCOUNT}-{REGION}"
    return f"arn:aws:iam::{ACCOUNT}:role/{names[id_]}"


def actions(policies, name):
    return {action for each in policies[name] for action in each["Action"]}


def allows(policies, name, action, resource):
    """Ask moto's evaluator, which knows no conditions."""
    plain = [{k: v for k, v in each.items() if k != "Condition"} for each in policies[name]]
    document = json.dumps({"Version": "2012-10-17", "Statement": plain})
    permitted = IAMPolicy(document).is_action_permitted(action, resource)
    return permitted == PermissionResult.PERMITTED


def test_no_sandbox_is_named_until_a_fork_does_it():
    assert SHIPPED is None


@pytest.mark.parametrize("name", ["pr-1", "pr-7", "pr-123456789"])
def test_a_pull_request_has_a_stage(name):
    assert is_preview(name)
    stage = SANDBOX.preview(name)
    assert (stage.name, stage.account, stage.environments) == (name, ACCOUNT, ())
    assert (stage.service, stage.bulk, stage.predictions) == (None, None, None)
    assert not stage.retain_data


@pytest.mark.parametrize("name", ["pr-0", "pr-07", "pr-", "pr-7x", "pr-*", "prod", "pr-1234567890"])
def test_nothing_else_is_one(name):
    assert not is_preview(name)
    with pytest.raises(ConfigurationError, match="not of the form pr-7"):
        SANDBOX.stage(name)


def test_nightly_stages_are_the_function_then_everything_then_a_gpu():
    plain, full, gpu = SANDBOX.nightly()
    refreshed = [each.name for each in SANDBOX.nightly() if each.refresh_environment]
    assert refreshed == ["nightly"], "longer names are refused with a project of 11 letters"
    assert tuple(each.name for each in (plain, full, gpu)) == NIGHTLY
    assert (plain.service, plain.bulk) == (None, None)
    assert full.service is not None
    assert gpu.service is not None
    assert full.service.capacity == "fargate"
    assert full.bulk
    assert (gpu.service.variant, gpu.function.platform) == ("gpu", "linux/amd64")
    assert plain.function.rollout.startswith("Canary")


def test_no_stage_may_share_the_sandbox_or_its_names():
    with pytest.raises(ConfigurationError, match="give the sandbox an account of its own"):
        SANDBOX.check([replace(DEV, account=ACCOUNT)])
    for name in ("pr-7", "nightly", "sandbox"):
        with pytest.raises(ConfigurationError, match="is the sandbox's"):
            SANDBOX.check([replace(DEV, name=name)])
    SANDBOX.check(STAGES)


def test_a_wrong_account_or_region_is_one_line():
    with pytest.raises(ConfigurationError, match=r"sandbox\.account"):
        SandboxConfiguration(account="12", region=REGION)
    with pytest.raises(ConfigurationError, match="region"):
        SandboxConfiguration(account=ACCOUNT, region="mars")


def test_the_templates_have_no_finding_and_cloudformation_takes_them(made):
    for each in made:
        assert each.violations == []
    template = made[0].folder / f"{STACK}.template.json"
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([linter, template], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_preview_is_a_function_alone_without_the_bootstrap_of_other_stages(made):
    assert list(made[1].templates) == [PREVIEW]
    text = json.dumps(made[1].templates[PREVIEW])
    assert "cdk-hnb659fds" not in text
    assert f"evergreen-preview-assets-{ACCOUNT}-{REGION}" in text
    assert "evergreen/preview@sha256:" in text
    assert len(text) < LARGEST_TEMPLATE * 0.8


def test_every_name_in_a_preview_begins_like_previews(made):
    """CloudFormation names what has no name after the stack."""
    assert PREVIEW.startswith("evergreen-pr-7-")
    for _, id_, resource in made[1].all():
        for key, value in resource["Properties"].items():
            if key.endswith("Name") and isinstance(value, str):
                expected = ("evergreen-pr-7", "live", "$default", "CodeDeployDefault", id_)
                assert value.startswith(expected), (id_, key, value)
    assert not any(each.startswith("evergreen-pr-") for each in (JOBS, CHANGES, BOUNDARY))


def test_cloudformation_may_do_what_its_schemas_say_to_make_a_preview_and_to_delete_it(
    made, policies
):
    allowed = {each.lower() for each in actions(policies, CHANGES) | NOT_MADE}
    missing: dict[str, Any] = {}
    for kind in sorted({resource["Type"] for _, _, resource in made[1].all()}):
        if kind.startswith("Custom::"):  # it invokes the function
            continue
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
        for handler in ("create", "read", "update", "delete"):
            needed = {
                action
                for action in schema["handlers"].get(handler, {}).get("permissions", [])
                if action.partition(":")[0] not in SERVICES_NOT_USED
            }
            missing |= {each: kind for each in needed if each.lower() not in allowed}
    assert sorted(missing) == []


def test_every_role_in_a_preview_has_the_boundary_and_needs_no_more_than_it_gives(made, policies):
    preview = made[1]
    roles = preview.resources(PREVIEW, "AWS::IAM::Role")
    assert len(roles) == 4
    for each in roles.values():
        assert written(each["Properties"]["PermissionsBoundary"]).endswith(f":policy/{BOUNDARY}")
    used = {
        action for each in statements(preview) if each.kind == "identity" for action in each.actions
    }
    assert used <= actions(policies, BOUNDARY)


def test_a_role_is_made_and_given_a_policy_only_with_that_boundary(policies):
    giving = {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"}
    (statement,) = (each for each in policies[CHANGES] if giving & {*each["Action"]})
    assert giving <= {*statement["Action"]}
    assert statement["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/evergreen-pr-*"]
    (boundary,) = statement["Condition"]["StringEquals"].values()
    assert boundary["Ref"].startswith("PreviewsBoundary")
    assert set(statement["Condition"]["StringEquals"]) == {"iam:PermissionsBoundary"}
    removing = {"iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"}
    assert not removing & actions(policies, CHANGES)


def test_jobs_change_stacks_with_that_role_alone(policies):
    (statement,) = (
        each for each in policies[JOBS] if "cloudformation:CreateStack" in each["Action"]
    )
    assert set(statement["Action"]) == {
        *("cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DeleteStack")
    }
    (role,) = statement["Condition"]["StringEquals"].values()
    assert role["Fn::GetAtt"][0].startswith("PreviewsChanges")
    assert not {each for each in actions(policies, JOBS) if each.startswith("sts:")}


@pytest.mark.parametrize("stage", ["pr-8", "nightly"])
def test_an_api_is_changed_only_where_its_tag_is_a_previews(policies, stage):
    """Its id is random, so that no name can limit it."""
    changing = [each for each in policies[CHANGES] if "apigateway:PATCH" in each["Action"]]
    assert len(changing) == 2
    for each in changing:
        ((key, _),) = each["Condition"]["StringLike"].items()
        assert key in ("aws:RequestTag/stage", "aws:ResourceTag/stage")
        assert holds(each["Condition"], {key: stage}) == stage.startswith("pr-")


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


OTHERS = ("nightly", "nightly-full", "prod", "dev", "sandbox", "preview", "foundation", "prod-pr-7")
REACHED = [
    ("cloudformation:UpdateStack", arn("cloudformation", "stack/evergreen-{}-function/1"), JOBS),
    ("cloudformation:DeleteStack", arn("cloudformation", "stack/evergreen-{}-function/1"), JOBS),
    ("cloudformation:DescribeStacks", arn("cloudformation", "stack/evergreen-{}-watch/1"), JOBS),
    ("lambda:GetFunction", arn("lambda", "function:evergreen-{}-"), JOBS),
    ("lambda:InvokeFunction", arn("lambda", "function:evergreen-{}-x"), CHANGES),
    ("lambda:UpdateFunctionCode", arn("lambda", "function:evergreen-{}-x"), CHANGES),
    ("lambda:DeleteFunction", arn("lambda", "function:evergreen-{}-x"), CHANGES),
    ("logs:DeleteLogGroup", arn("logs", "log-group:evergreen-{}-function-x"), CHANGES),
    ("events:DeleteRule", arn("events", "rule/evergreen-{}-function-x"), CHANGES),
    ("cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:evergreen-{}-errors"), CHANGES),
    (
        "codedeploy:DeleteDeploymentGroup",
        arn("codedeploy", "deploymentgroup:evergreen-{0}-/evergreen-{0}"),
        CHANGES,
    ),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/evergreen-{{}}-function-x", CHANGES),
    ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/evergreen-{{}}-function-x", CHANGES),
    ("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/evergreen-{{}}-jobs", CHANGES),
    ("lambda:InvokeFunction", arn("lambda", "function:evergreen-{}-x"), BOUNDARY),
    ("logs:PutLogEvents", arn("logs", "log-group:evergreen-{}-x:*"), BOUNDARY),
]


@pytest.mark.parametrize(("action", "resource", "role"), REACHED)
def test_a_role_reaches_previews_and_no_other_stage(policies, action, resource, role):
    assert allows(policies, role, action, resource.format("pr-7"))
    for other in OTHERS:
        assert not allows(policies, role, action, resource.format(other)), other


FORBIDDEN = [
    ("ecr:PutImage", arn("ecr", "repository/evergreen/function")),
    ("ecr:BatchGetImage", arn("ecr", "repository/evergreen/server")),
    ("s3:GetObject", f"arn:aws:s3:::evergreen-models-{ACCOUNT}-{REGION}/sentiment/x"),
    ("s3:PutObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/x.zip"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}"),
    ("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{JOBS}"),
    ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"),
    ("ssm:GetParameter", arn("ssm", "parameter/evergreen/nightly/api-key-sha256")),
    ("ssm:PutParameter", arn("ssm", "parameter/evergreen/nightly/api-key-sha256")),
]


@pytest.mark.parametrize(("action", "resource"), FORBIDDEN)
def test_no_role_of_previews_reads_or_writes_what_others_are_made_of(policies, action, resource):
    assert not any(allows(policies, each, action, resource) for each in (JOBS, CHANGES, BOUNDARY))


def test_the_policies_fit_into_iams_limits(policies):
    def size(name):
        document = json.dumps({"Statement": policies[name]}, separators=(",", ":"))
        return len(document)

    assert 3_000 < size(CHANGES) < 10_240 * 0.9
    assert size(JOBS) < 10_240 * 0.9
    assert size(BOUNDARY) < 6_144 * 0.9


@pytest.fixture(scope="module")
def lets_in(made):
    conditions = {
        each.where.rpartition("/")[2]: each.condition
        for each in statements(made[0])
        if each.kind == "trust" and "Federated" in each.principal
    }

    def check(role, context, *, number="22", form="repo:acme@11/texts@22", **claims):
        (condition,) = (found for name, found in conditions.items() if name.startswith(role))
        given = {"aud": "sts.amazonaws.com", "sub": f"{form}:{context}", **claims}
        keys = {f"{ISSUER}:{key}": value for key, value in given.items()}
        return holds(condition, {**keys, f"{ISSUER}:repository_id": number})

    return check


MAIN = "ref:refs/heads/main"


@pytest.mark.parametrize("form", ["repo:acme@11/texts@22", "repo:acme/texts"])
def test_pull_requests_and_the_sweep_of_main_get_the_previews_role(lets_in, form):
    for context in ("pull_request", MAIN):
        assert lets_in("PreviewsJobs", context, form=form, workflow="preview")


@pytest.mark.parametrize(
    ("context", "changed"),
    [
        ("pull_request", {"form": "repo:someone/texts", "number": "99"}),
        ("pull_request", {"number": "23"}),
        ("ref:refs/heads/topic", {}),
        ("environment:prod", {}),
        ("pull_request", {"workflow": "ci"}),
    ],
    ids=["a fork", "another repository", "another branch", "an environment", "another workflow"],
)
def test_no_other_job_does(lets_in, context, changed):
    assert not lets_in("PreviewsJobs", context, **{"workflow": "preview", **changed})


def test_only_main_gets_the_nightly_role_and_no_pull_request(lets_in):
    main = {"ref": "refs/heads/main", "workflow": "nightly"}
    assert lets_in("NightlyRole", "environment:sandbox", **main)
    pull = {"ref": "refs/pull/7/merge", "workflow": "nightly"}
    assert not lets_in("NightlyRole", "environment:sandbox", **pull)
    assert not lets_in("NightlyRole", "pull_request", **pull)
    assert not lets_in("NightlyRole", MAIN, **main)


def test_a_preview_is_pulled_from_its_own_repository_by_functions_of_the_project(made):
    repository = made[0].only(STACK, "AWS::ECR::Repository")["Properties"]
    assert repository["RepositoryName"] == vars(PreviewProject)["function_repository"].fget(
        type("Named", (), {"name": "evergreen"})
    )
    (statement,) = repository["RepositoryPolicyText"]["Statement"]
    source = written(statement["Condition"]["ArnLike"]["aws:SourceArn"])
    assert fnmatch.fnmatch(
        arn("lambda", "function:evergreen-pr-7"), source.replace("<AWS::Partition>", "aws")
    )


@pytest.fixture
def client(aws, policies, monkeypatch):
    """Return clients with the jobs' role, in an account that enforces policies."""
    reset_account(aws["AWS_ENDPOINT_URL"])
    iam, s3 = boto3.client("iam"), boto3.client("s3")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
    own = f"evergreen-preview-assets-{ACCOUNT}-{REGION}"
    iam.create_role(RoleName=JOBS, AssumeRolePolicyDocument=trust)
    iam.create_role(RoleName="cdk-deploy", AssumeRolePolicyDocument=trust)
    plain = [{k: v for k, v in each.items() if k != "Condition"} for each in policies[JOBS]]
    document = json.dumps({"Version": "2012-10-17", "Statement": plain})
    iam.put_role_policy(RoleName=JOBS, PolicyName="own", PolicyDocument=document)
    for bucket in (own, "evergreen-models", "cdk-assets"):
        place: Any = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        s3.put_object(Bucket=bucket, Key="there", Body=b"{}")
    given = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::123456789012:role/{JOBS}", RoleSessionName="job"
    )["Credentials"]
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    yield lambda service: boto3.client(
        service,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", float("inf"))
    reset_account(aws["AWS_ENDPOINT_URL"])


def test_where_policies_are_enforced_jobs_reach_the_bucket_of_previews_alone(client):
    s3 = client("s3")
    own = f"evergreen-preview-assets-{ACCOUNT}-{REGION}"
    for bucket in (own, "evergreen-models", "cdk-assets"):
        there = {"Bucket": bucket, "Key": "there"}
        assert passes(s3.get_object, **there) == (bucket == own), bucket
        assert passes(s3.put_object, **there, Body=b"{}") == (bucket == own), bucket
        assert passes(s3.list_objects_v2, Bucket=bucket) == (bucket == own), bucket
        assert not passes(s3.delete_object, **there)
    assume = {"RoleArn": "arn:aws:iam::123456789012:role/cdk-deploy", "RoleSessionName": "job"}
    assert not passes(client("sts").assume_role, **assume)
