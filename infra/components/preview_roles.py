"""IAM roles of pull requests' previews, which reach stages `pr-N` and nothing else.

A pull request's own code runs with these permissions, before anybody reviewed it.
"""

from functools import partial

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard, actions, allow
from infra.components.image_changes import CHANGE_ALARM, READ_IMAGE, arn, role_arn
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import SANDBOX

PURPOSES = ("jobs", "changes", "boundary", "assets")
EVERY = "pr-*"


def preview_name(project: ProjectConfiguration, purpose: str) -> str:
    """Return the name of one of PURPOSES: two roles, a policy, and a bucket's prefix.

    None begins like the names of previews, `evergreen-pr-`.
    """
    return f"{project.name}-preview-{purpose}"


def assets_bucket(project: ProjectConfiguration, account: str, region: str) -> str:
    """Return the name of the bucket with the code of previews' hooks."""
    return f"{preview_name(project, 'assets')}-{account}-{region}"


# What CloudFormation calls to create, update and delete a preview: by the handlers in the schemas
# of the resource types, without the calls for options that no preview has.
CHANGE_FUNCTION = actions(
    "lambda",
    """
    AddPermission CreateAlias CreateFunction DeleteAlias DeleteFunction DeleteFunctionConcurrency
    DeleteProvisionedConcurrencyConfig GetAlias GetFunction GetFunctionCodeSigningConfig
    GetFunctionConcurrency GetFunctionConfiguration GetFunctionRecursionConfig
    GetFunctionScalingConfig GetPolicy GetProvisionedConcurrencyConfig GetRuntimeManagementConfig
    InvokeFunction ListTags ListVersionsByFunction PublishVersion PutFunctionConcurrency
    PutFunctionRecursionConfig PutFunctionScalingConfig PutProvisionedConcurrencyConfig
    PutRuntimeManagementConfig RemovePermission TagResource UntagResource UpdateAlias
    UpdateFunctionCode UpdateFunctionConfiguration
    """,
)
CHANGE_API = actions("apigateway", "DELETE GET PATCH POST PUT")
CHANGE_LOG = actions(
    "logs",
    """
    CreateLogGroup DeleteDataProtectionPolicy DeleteIndexPolicy DeleteLogGroup
    DeleteRetentionPolicy DescribeIndexPolicies GetDataProtectionPolicy ListTagsForResource
    PutDataProtectionPolicy PutIndexPolicy PutRetentionPolicy TagResource UntagResource
    """,
)
# Of the API's access log; these actions know no resources.
DELIVER_LOG = actions(
    "logs",
    """
    CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeResourcePolicies GetLogDelivery
    ListLogDeliveries PutResourcePolicy UpdateLogDelivery
    """,
)
CHANGE_RULE = actions(
    "events",
    """
    DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets
    TagResource UntagResource
    """,
)
CHANGE_ROLLOUT = actions(
    "codedeploy",
    """
    CreateApplication CreateDeployment CreateDeploymentGroup DeleteApplication
    DeleteDeploymentGroup GetApplication GetApplicationRevision GetDeployment GetDeploymentGroup
    ListDeployments ListTagsForResource RegisterApplicationRevision StopDeployment TagResource
    UntagResource UpdateApplication UpdateDeploymentGroup
    """,
)
# Each names the boundary that the role has: without it a role may not be created or get a policy.
BOUND_ROLE = actions(
    "iam", "AttachRolePolicy CreateRole DeleteRolePolicy DetachRolePolicy PutRolePolicy"
)
OWN_ROLE = actions(
    "iam",
    """
    DeleteRole GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies ListRoleTags TagRole
    UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription
    """,
)
CHANGE_STACK = actions("cloudformation", "CreateStack DeleteStack UpdateStack")
READ_STACK = actions("cloudformation", "DescribeStackEvents DescribeStacks")


class PreviewRoles(Construct):
    """Role of jobs on GitHub, CloudFormation's role, and a boundary of all roles of previews.

    Jobs change stacks `pr-N` by CloudFormation's role alone, which creates roles only within the
    boundary: no template can do more.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        jobs: iam.IPrincipal,
        repository: ecr.Repository,
        assets: s3.Bucket,
    ) -> None:
        super().__init__(scope, id_)
        self._stack = cdk.Stack.of(self)
        self._every = f"{project.name}-{EVERY}"
        self.boundary = self._boundary(preview_name(project, "boundary"))
        self.changes = iam.Role(
            self,
            "Changes",
            role_name=preview_name(project, "changes"),
            assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com"),
            description="CloudFormation: make and delete previews of pull requests",
        )
        self._allow_changes(repository, assets)
        self.jobs = iam.Role(
            self,
            "Jobs",
            role_name=preview_name(project, "jobs"),
            assumed_by=jobs,
            description="GitHub: deploy pull requests' previews, and remove them",
        )
        self._allow_jobs(repository, assets)

    def _arns(self, service: str, *resources: str) -> list[str]:
        return [arn(self._stack, service, each.format(self._every)) for each in resources]

    def _boundary(self, name: str) -> iam.ManagedPolicy:
        """Return the most that a role in a preview may do, whatever its policies say."""
        logs = self._arns("logs", "log-group:{}:*", "log-group:/aws/vendedlogs/apigateway/{}:*")
        function = self._arns("lambda", "function:{}")
        group = self._arns("codedeploy", "deploymentgroup:{}/*")
        statements = {
            ("logs:CreateLogStream", "logs:PutLogEvents"): logs,
            ("xray:PutTelemetryRecords", "xray:PutTraceSegments"): ["*"],
            (
                "lambda:GetAlias",
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:InvokeFunction",
                "lambda:UpdateAlias",
            ): function,
            ("codedeploy:PutLifecycleEventHookExecutionStatus",): group,
            ("cloudwatch:DescribeAlarms",): ["*"],
        }
        boundary = iam.ManagedPolicy(
            self,
            "Boundary",
            managed_policy_name=name,
            description="The most that a role in a preview of a pull request may do",
            statements=[
                iam.PolicyStatement(actions=[*permitted], resources=resources)
                for permitted, resources in statements.items()
            ],
        )
        for resource in (*logs, *function, *group, "*"):
            reason = "Previews of every pull request; some actions know no resources."
            acknowledge_wildcard(boundary, resource, reason)
        return boundary

    def _allow_changes(self, repository: ecr.Repository, assets: s3.Bucket) -> None:
        role, stack = self.changes, self._stack
        may = partial(allow, role, reason="Previews of every pull request; AWS adds an id.")
        may(CHANGE_FUNCTION, *self._arns("lambda", "function:{}"))
        # A route has no tag of its own: IAM reads that of its API, whose id is random.
        apis = f"arn:{stack.partition}:apigateway:{stack.region}::"
        for key, resources in {
            "RequestTag": [f"{apis}/apis", f"{apis}/tags/*"],
            "ResourceTag": [f"{apis}/apis/*", f"{apis}/tags/*"],
        }.items():
            previews = {"StringLike": {f"aws:{key}/stage": EVERY}}
            may(CHANGE_API, *resources, conditions=previews)
        groups = ("log-group:{}", "log-group:/aws/vendedlogs/apigateway/{}")
        may(CHANGE_LOG, *self._arns("logs", *groups))
        may(DELIVER_LOG, "*")
        may(CHANGE_RULE, *self._arns("events", "rule/{}"))
        may(CHANGE_ALARM, *self._arns("cloudwatch", "alarm:{}"))
        may(["cloudwatch:DescribeAlarms"], *self._arns("cloudwatch", "alarm:*"))
        may(CHANGE_ROLLOUT, *self._arns("codedeploy", "application:{}", "deploymentgroup:{}/*"))
        may(["codedeploy:GetDeploymentConfig"], *self._arns("codedeploy", "deploymentconfig:*"))
        may(READ_IMAGE, repository.repository_arn)
        may(["s3:GetObject", "s3:GetObjectVersion"], assets.arn_for_objects("*"))
        roles = role_arn(stack, self._every)
        bound = {"StringEquals": {"iam:PermissionsBoundary": self.boundary.managed_policy_arn}}
        may(BOUND_ROLE, roles, conditions=bound)
        may(OWN_ROLE, roles)
        services = ["lambda.amazonaws.com", "codedeploy.amazonaws.com"]
        may(["iam:PassRole"], roles, conditions={"StringEquals": {"iam:PassedToService": services}})

    def _allow_jobs(self, repository: ecr.Repository, assets: s3.Bucket) -> None:
        role, changes = self.jobs, self.changes.role_arn
        may = partial(allow, role, reason="Previews of every pull request; AWS adds an id.")
        repository.grant_pull_push(role)
        repository.grant(role, "ecr:DescribeImages")
        may(["s3:GetObject", "s3:PutObject"], assets.arn_for_objects("*"))
        may(["s3:ListBucket"], assets.bucket_arn)
        stacks = self._arns("cloudformation", "stack/{}/*")
        by_role = {"StringEquals": {"cloudformation:RoleArn": changes}}
        may(CHANGE_STACK, *stacks, conditions=by_role)
        may(READ_STACK, *stacks)
        # The sweep finds what is left by the names of stacks.
        may(["cloudformation:ListStacks", "lambda:GetAccountSettings"], "*")
        may(
            ["lambda:GetFunction", "lambda:GetFunctionConcurrency"],
            *self._arns("lambda", "function:{}"),
        )
        cloudformation = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        may(["iam:PassRole"], changes, conditions=cloudformation)


class NightlyRole(Construct):
    """Role of the nightly checks, which may do anything in the sandbox's account.

    They deploy a foundation, with roles, so less would be no limit.
    """

    def __init__(
        self, scope: Construct, id_: str, *, project: ProjectConfiguration, jobs: iam.IPrincipal
    ) -> None:
        super().__init__(scope, id_)
        policies = ("PowerUserAccess", "IAMReadOnlyAccess")
        self.role = iam.Role(
            self,
            "Role",
            role_name=f"{project.name}-{SANDBOX}-nightly",
            assumed_by=jobs,
            description="GitHub: deploy, check and delete everything in the sandbox",
            max_session_duration=cdk.Duration.hours(2),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(p) for p in policies],
        )
        for policy in policies:
            acknowledge(
                self.role,
                f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
                "The account is for this alone, and the CDK's roles may do anything there.",
            )
