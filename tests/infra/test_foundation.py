"""The foundation of an account: bucket, image repositories, GitHub's roles."""

import fnmatch
import json
from dataclasses import replace
from typing import Any

import pytest

from infra.stages import STAGES
from tests.infra.policies import statements, written
from tests.infra.synthesis import synthesise

STACK = "evergreen-foundation"


@pytest.fixture
def foundation(shipped):
    return lambda kind: shipped.resources(STACK, kind)


def test_the_bucket_is_versioned_encrypted_and_closed(shipped):
    bucket = shipped.only(STACK, "AWS::S3::Bucket")["Properties"]
    assert written(bucket["BucketName"]) == "evergreen-models-<AWS::AccountId>-eu-central-1"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_bucket_forgets_only_what_was_replaced_or_never_arrived(shipped):
    rules = shipped.only(STACK, "AWS::S3::Bucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule["NoncurrentVersionExpiration"] for rule in rules[:1]] == [{"NoncurrentDays": 90}]
    assert rules[1]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    # A version that is in production may be years old.
    assert not any("ExpirationInDays" in rule or "Transitions" in rule for rule in rules)


@pytest.mark.parametrize("name", ["evergreen/function", "evergreen/server"])
def test_images_keep_their_tags_and_are_scanned(foundation, name):
    (repository,) = (
        each["Properties"]
        for each in foundation("AWS::ECR::Repository").values()
        if each["Properties"]["RepositoryName"] == name
    )
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def expired(rules: list[dict[str, Any]], images: list[set[str]]) -> list[set[str]]:
    """Return the images that ECR would expire, of images by their tags, newest first.

    An image belongs to the first rule that matches its tags.
    """
    gone, claimed = [], set()
    for rule in sorted(rules, key=lambda rule: rule["rulePriority"]):
        chosen = rule["selection"]
        (pattern,) = chosen.get("tagPatternList", ["*"])
        matching = [
            index
            for index, tags in enumerate(images)
            if index not in claimed and fnmatch.filter(tags, pattern)
        ]
        claimed.update(matching)
        gone += [images[index] for index in matching[chosen["countNumber"] :]]
    return gone


def life_cycle(assembly):
    """The rules of the function's images."""
    (rules, _) = (
        json.loads(each["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        for each in assembly.resources(STACK, "AWS::ECR::Repository").values()
    )
    return rules


def test_no_number_of_builds_pushes_out_what_a_stage_runs(shipped):
    rules = life_cycle(shipped)
    assert all(rule["selection"]["countType"] == "imageCountMoreThan" for rule in rules)
    live_in_prod = {"0123456789ab-aa", "prod-20260101t000000", "dev-20260101t000000"}
    live_in_dev = {"ba9876543210-bb", "dev-20261101t000000"}
    builds = [{f"{number:012x}-cc"} for number in range(500)]
    tried = [{f"{number:012x}-dd", f"dev-2026{number}"} for number in range(49)]
    gone = expired(rules, [*builds, *tried, live_in_dev, live_in_prod])
    assert live_in_prod not in gone
    assert live_in_dev not in gone
    assert len(gone) == 450


def test_nor_do_releases_of_a_stage_whose_name_begins_with_its_own(project):
    stages = [replace(STAGES[0], name=name) for name in ("prod", "prod-test")]
    live_in_prod = {"prod-20260101t000000-aa"}
    tried = [{f"prod-test-20260102t{number:06}-bb"} for number in range(200)]
    gone = expired(life_cycle(synthesise(project, stages)), [*tried, live_in_prod])
    assert gone == tried[project.kept_images :]


def test_a_rollback_reaches_as_far_back_as_was_configured(shipped, project):
    releases = [{f"prod-20260101t{number:06}"} for number in reversed(range(60))]
    gone = expired(life_cycle(shipped), releases)
    assert gone == releases[project.kept_images :]


def test_lambda_fetches_images_for_functions_of_this_project_only(shipped):
    (policy,) = (
        each
        for each in statements(shipped)
        if each.kind == "resource" and "FunctionImages" in each.where
    )
    assert policy.principal == {"Service": "lambda.amazonaws.com"}
    assert set(policy.actions) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    source = written(policy.condition["ArnLike"]["aws:SourceArn"])
    assert source.endswith(":lambda:eu-central-1:<AWS::AccountId>:function:evergreen-*")


def test_the_provider_is_made_once_and_else_taken_as_it_is(shipped, options):
    provider = shipped.only(STACK, "AWS::IAM::OIDCProvider")["Properties"]
    assert provider["Url"] == "https://token.actions.githubusercontent.com"
    assert provider["ClientIdList"] == ["sts.amazonaws.com"]
    assert not list(options.all("AWS::IAM::OIDCProvider"))
    trusted = [
        written(each.principal["Federated"])
        for each in statements(options)
        if each.kind == "trust" and "Federated" in each.principal
    ]
    assert trusted
    assert all(
        each.endswith(":oidc-provider/token.actions.githubusercontent.com") for each in trusted
    )


@pytest.fixture
def may(shipped):
    """Return the resources on which a role of the foundation may do an action."""

    def resources(role: str, action: str) -> set[str]:
        return {
            resource
            for each in statements(shipped)
            if each.kind == "identity" and f"{STACK}/{role}" in each.where
            for resource in each.resources
            if action in each.actions
        }

    return resources


PUSH, REFRESH = "ImageRolesPush", "ImageRolesRefresh"
DEV, PROD = "DevDeploy", "ProdDeploy"


def keys(resources):
    return {resource.partition("/")[2] for resource in resources}


def test_the_push_role_pushes_images_and_reads_models(may):
    assert len(may(PUSH, "ecr:PutImage")) == len(may(PUSH, "ecr:InitiateLayerUpload")) == 2
    assert keys(may(PUSH, "s3:GetObject")) == {"*"}
    assert not may(PUSH, "s3:PutObject")
    assert not may(PUSH, "sts:AssumeRole")


def test_the_refresh_role_moves_nothing_that_is_served(may):
    written_keys = {
        "*/versions/*",
        "*/verdicts/*",
        "*/looks/last.json",
        "*/aliases/candidate.json",
    }
    assert keys(may(REFRESH, "s3:PutObject")) == written_keys
    assert not may(REFRESH, "ecr:PutImage")
    assert not may(REFRESH, "sts:AssumeRole")


def test_the_refresh_role_may_stay_until_a_model_is_judged(shipped):
    (role,) = (
        each["Properties"]
        for name, each in shipped.resources(STACK, "AWS::IAM::Role").items()
        if name.startswith(REFRESH)
    )
    assert role["MaxSessionDuration"] == 7200


def test_a_deploy_role_asks_the_bootstrap_and_makes_nothing_itself(may):
    for role in (DEV, PROD):
        asked = {resource.rpartition("/")[2] for resource in may(role, "sts:AssumeRole")}
        assert asked == {
            f"cdk-hnb659fds-{each}-role-<AWS::AccountId>-eu-central-1"
            for each in ("deploy", "file-publishing", "lookup")
        }
        assert not may(role, "cloudformation:CreateChangeSet")
        assert not may(role, "ecr:InitiateLayerUpload")


def test_only_prod_moves_production_and_each_stage_records_its_own_releases(may):
    assert keys(may(DEV, "s3:PutObject")) == {"releases/dev/*"}
    assert keys(may(PROD, "s3:PutObject")) == {"releases/prod/*", "*/aliases/production.json"}


def test_a_deploy_role_reads_its_own_stage_only(may):
    readable = {
        resource
        for action in (
            "cloudformation:DescribeStacks",
            "lambda:GetFunction",
            "codedeploy:GetDeployment",
        )
        for resource in may(DEV, action)
    }
    assert len(readable) == 5
    assert all("evergreen-dev" in each or "evergreen-foundation" in each for each in readable)
    parameters = {resource.partition(":parameter/")[2] for resource in may(DEV, "ssm:GetParameter")}
    assert parameters == {"evergreen/dev/api-key-sha256", "cdk-bootstrap/hnb659fds/version"}


def test_only_a_stage_that_iam_guards_may_be_called_by_its_deploy_role(options):
    callers = [each.where for each in statements(options) if "execute-api:Invoke" in each.actions]
    assert len(callers) == 1
    assert "SignedDeploy" in callers[0]
