"""No role may do more than was thought about: every wildcard has its reason here."""

import re

import pytest

from tests.infra.policies import Statement, many, statements
from tests.infra.synthesis import Assembly

SENDING = "cloudwatch:PutMetricData"
# Actions that know no resources, by AWS's own tables.
WITHOUT_RESOURCES = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    SENDING,
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:DiscoverPollEndpoint",
    "lambda:GetAccountSettings",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
# What may stand before or after a `*` in a resource, and why.
REASONS = {
    r"<ModelsBucket\w+\.Arn>/\*": "reading any model of the registry",
    r"<ModelsBucket\w+\.Arn>/\*/(versions|verdicts)/\*": "writing one kind of key of any model",
    r"<ModelsBucket\w+\.Arn>/\*/aliases/(candidate|production)\.json": "one alias of any model",
    r"<ModelsBucket\w+\.Arn>/\*/looks/last\.json": "the last update check of any model",
    r"<ModelsBucket\w+\.Arn>/releases/[a-z-]+/\*": "the releases of one stage",
    r"arn:<AWS::Partition>:cloudformation:[a-z0-9-]+:(\d+|<AWS::AccountId>):stack/"
    r"evergreen-([a-z]+-(\*|function|service|bulk)|foundation)/\*": (
        "the stacks of one stage, whose ids are random"
    ),
    r"arn:<AWS::Partition>:execute-api:[a-z0-9-]+:(\d+|<AWS::AccountId>):\*/\$default/\*/\*": (
        "calling an API whose id is random, to check whether it answers"
    ),
    r"arn:<AWS::Partition>:cloudwatch:[a-z0-9-]+:(\d+|<AWS::AccountId>):alarm:\*": (
        "reading alarms by a prefix, which CloudWatch allows on all or none"
    ),
    r"arn:<AWS::Partition>:lambda:[a-z0-9-]+:(\d+|<AWS::AccountId>):function:"
    r"evergreen-[a-z]+(-function-\*|-bulk)?(:\*)?": "functions of one stage, and their versions",
    r"arn:<AWS::Partition>:cloudwatch:[a-z0-9-]+:(\d+|<AWS::AccountId>):alarm:"
    r"evergreen-[a-z]+-(new-version-breaks|answers-5xx)-\*": "alarms of a rollout, by version",
    r"arn:<AWS::Partition>:codedeploy:[a-z0-9-]+:(\d+|<AWS::AccountId>):deploymentconfig:\*": (
        "AWS's own configurations, only read"
    ),
    r"arn:<AWS::Partition>:iam::(\d+|<AWS::AccountId>):role/evergreen-[a-z]+-[a-z]+-\*": (
        "roles that CloudFormation named after a stack"
    ),
    r"<(Inference|Scoring)Function\w+\.Arn>:\*": "the versions of the one function",
    r"<SmokeTestBeforeTrafficFunction\w+\.Arn>:\*": "the versions of one hook",
    r"<FilesBucket\w+\.Arn>/(in|out)/\*": "files of bulk scoring, one way each",
    r"<LinesBucket\w+\.Arn>/(predictions|errors)/\*": "writing the prediction log",
    r"<LinesBucket\w+\.Arn>/\*": "reading the prediction log, and a reference next to it",
    r"arn:<AWS::Partition>:states:[a-z0-9-]+:(\d+|<AWS::AccountId>):execution:"
    r"evergreen-[a-z]+-bulk[:/]\*": "the state machine's own runs, whose names are random",
    r"arn:<AWS::Partition>:ecs:[a-z0-9-]+:(\d+|<AWS::AccountId>):container-instance/\*": (
        "an instance speaking for itself, by an id that it gets when it starts"
    ),
}
MANAGED = {
    "service-role/AWSCodeDeployRoleForLambdaLimited",
    "AmazonECSInfrastructureRolePolicyForManagedInstances",
}


def allowed(assembly: Assembly, kind: str) -> list[Statement]:
    return [each for each in statements(assembly) if each.kind == kind and each.effect == "Allow"]


def unexplained(statement: Statement) -> list[str]:
    """Resources with a wildcard that nobody gave a reason for."""
    return [
        resource
        for resource in statement.resources
        if "*" in resource
        and not (resource == "*" and set(statement.actions) <= WITHOUT_RESOURCES)
        and not any(re.fullmatch(pattern, resource) for pattern in REASONS)
    ]


def test_every_wildcard_in_a_resource_has_a_reason(assembly):
    found = {
        each.where: left for each in allowed(assembly, "identity") if (left := unexplained(each))
    }
    assert not found


def test_no_action_is_a_wildcard(assembly):
    every = [each for kind in ("identity", "resource") for each in allowed(assembly, kind)]
    assert len(every) > 20
    assert not [(each.where, each.actions) for each in every if "*" in "".join(each.actions)]


PASSED_TO = {
    "evergreen-foundation/ProdRefreshRole": {"cloudformation.amazonaws.com"},
    "evergreen-foundation/ProdRefreshImagesRole": {
        "lambda.amazonaws.com",
        "codedeploy.amazonaws.com",
        "ecs-tasks.amazonaws.com",
    },
}


def test_only_the_refresh_passes_roles_and_only_named_ones_to_named_services(assembly):
    for each in allowed(assembly, "identity"):
        if "iam:PassRole" not in each.actions:
            continue
        assert each.actions == ("iam:PassRole",)
        (services,) = (PASSED_TO[role] for role in PASSED_TO if each.where.startswith(role))
        condition = each.condition["StringEquals"]["iam:PassedToService"]
        assert {*many(condition)} <= services
        assert all(
            re.search(r"role/evergreen-prod-[a-z]+-\*$|^<ProdRefreshImagesRole", resource)
            for resource in each.resources
        )


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "s3:DeleteObject",
        "ecr:DeleteRepository",
    ],
)
def test_no_role_can_make_roles_or_delete_what_lasts(assembly, action):
    assert not [each.where for each in allowed(assembly, "identity") if action in each.actions]


def test_policies_of_resources_let_in_services_and_never_everybody(assembly):
    for each in allowed(assembly, "resource"):
        assert set(each.principal) == {"Service"}, each.where
        assert each.condition or each.principal["Service"] == "events.amazonaws.com", each.where


def test_metrics_are_sent_into_our_namespace_alone(assembly):
    sending = [each for each in allowed(assembly, "identity") if SENDING in each.actions]
    assert sending
    for each in sending:
        assert each.actions == (SENDING,), each.where
        assert each.condition == {"StringEquals": {"cloudwatch:namespace": "Evergreen"}}, each.where


def test_every_managed_policy_is_known(assembly):
    for _, name, role in assembly.all("AWS::IAM::Role"):
        for policy in role["Properties"].get("ManagedPolicyArns", []):
            assert str(policy).rpartition("policy/")[2].rstrip("']}") in MANAGED, name


def test_a_planted_wildcard_is_found(shipped):
    planted = Statement("here", "identity", "Allow", ("s3:GetObject",), ("*",), None, {})
    assert unexplained(planted) == ["*"]
    (first, *_) = allowed(shipped, "identity")
    assert unexplained(first) == []
