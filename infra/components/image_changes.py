"""CloudFormation's role for giving a stage's stacks other images, and nothing else."""

from collections.abc import Sequence
from functools import partial

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.acknowledged import actions, allow
from infra.components.rollout import ROLLOUT_ALARMS
from infra.configuration.checks import require
from infra.configuration.deployment import KEPT_CHARACTERS, Deployment

# What CloudFormation calls to give a function or a task another image: by the handlers in the
# schemas of the resource types, without the calls for options that none of ours has.
CHANGE_FUNCTION = actions(
    "lambda",
    """
    DeleteFunctionConcurrency DeleteProvisionedConcurrencyConfig GetAlias GetFunction
    GetFunctionCodeSigningConfig GetFunctionConfiguration GetFunctionRecursionConfig
    GetFunctionScalingConfig GetProvisionedConcurrencyConfig GetRuntimeManagementConfig
    ListVersionsByFunction PublishVersion PutFunctionConcurrency PutFunctionRecursionConfig
    PutFunctionScalingConfig PutProvisionedConcurrencyConfig PutRuntimeManagementConfig
    TagResource UntagResource UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration
    """,
)
CHANGE_ALARM = actions(
    "cloudwatch", "DeleteAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource"
)
DEPLOY_VERSION = actions(
    "codedeploy",
    """
    CreateDeployment GetApplicationRevision GetDeployment GetDeploymentConfig
    GetDeploymentGroup ListDeployments ListTagsForResource RegisterApplicationRevision
    StopDeployment TagResource UntagResource UpdateDeploymentGroup
    """,
)
CHANGE_SERVICE = actions(
    "ecs",
    """
    DescribeServiceDeployments DescribeServices ListServiceDeployments ListTagsForResource
    RegisterTaskDefinition StopServiceDeployment TagResource UntagResource UpdateService
    """,
)
WITHOUT_RESOURCES = ["ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"]
READ_IMAGE = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy"]


class ImageChanges(Construct):
    """Role with which CloudFormation changes images, whatever the template says.

    It creates no role and no policy, and no resource but versions, their alarms and task
    definitions. It passes roles of the stage's own stacks only.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        repositories: Sequence[ecr.Repository],
    ) -> None:
        super().__init__(scope, id_)
        stage = deployment.stage
        self._stack = stack = cdk.Stack.of(self)
        self._name = name = deployment.name
        require(
            len(name) < KEPT_CHARACTERS,
            "refresh_environment",
            f"'{name}' has {len(name)} characters, and CloudFormation's names of functions and "
            f"roles keep {KEPT_CHARACTERS - 1} and a hyphen: the refresh could change other "
            "stages; shorten the project's or the stage's name, or leave this empty",
        )
        self.role = iam.Role(
            self,
            "Role",
            role_name=deployment.role("image-changes"),
            assumed_by=iam.ServicePrincipal("cloudformation.amazonaws.com"),
            description=f"CloudFormation: give stage {stage.name} other images",
        )
        self._allow = partial(allow, self.role)
        bulk = [deployment.bulk] if stage.bulk else []
        functions = [name, deployment.generated_names("function"), *bulk]
        self._allow(
            CHANGE_FUNCTION,
            *(arn(stack, "lambda", f"function:{each}") for each in functions),
            *(arn(stack, "lambda", f"function:{each}:*") for each in functions),
            reason="Functions of this stage, and their versions.",
        )
        self._allow(
            ["lambda:DeleteFunction"],
            *(arn(stack, "lambda", f"function:{each}:*") for each in (name, *bulk)),
            reason="Versions: one left by an update that was rolled back makes the next one fail.",
        )
        self._allow(READ_IMAGE, *(repository.repository_arn for repository in repositories))
        alarms = [arn(stack, "cloudwatch", f"alarm:{name}-{each}-*") for each in ROLLOUT_ALARMS]
        self._allow(CHANGE_ALARM, *alarms, reason="Alarms of a rollout end in the version.")
        self._allow(
            ["cloudwatch:DescribeAlarms"],
            arn(stack, "cloudwatch", "alarm:*"),
            reason="CloudWatch checks a search on all alarms; it is only read.",
        )
        self._allow(
            DEPLOY_VERSION,
            arn(stack, "codedeploy", f"application:{name}"),
            arn(stack, "codedeploy", f"deploymentgroup:{name}/{name}"),
            arn(stack, "codedeploy", "deploymentconfig:*"),
            reason="Configurations are AWS's own, and are only read.",
        )
        passed = ["lambda.amazonaws.com", "codedeploy.amazonaws.com"]
        if stage.service:
            self._allow_service(deployment.server)
            passed.append("ecs-tasks.amazonaws.com")
        names = dict.fromkeys(deployment.generated_names(part) for part in stage.image_parts)
        roles = [role_arn(stack, each) for each in names]
        reason = "CloudFormation names the roles of a stack after it."
        self._allow(["iam:GetRole"], *roles, reason=reason)
        service = {"StringEquals": {"iam:PassedToService": passed}}
        self._allow(["iam:PassRole"], *roles, conditions=service, reason=reason)
        self._allow_settings(deployment)

    def _allow_service(self, family: str) -> None:
        stack = self._stack
        service = f"{self._name}-service-*"
        self._allow(
            CHANGE_SERVICE,
            arn(stack, "ecs", f"task-definition/{family}:*"),
            *(arn(stack, "ecs", f"{kind}/{service}") for kind in ("service", "service-deployment")),
            reason="CloudFormation names the service after its stack.",
        )
        self._allow(WITHOUT_RESOURCES, "*", reason="These actions know no resources.")

    def _allow_settings(self, deployment: Deployment) -> None:
        """Allow reading what templates refer to: parameters, and the prediction log's key."""
        stage = deployment.stage
        qualifier = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
        parameters = (deployment.key_parameter, f"/cdk-bootstrap/{qualifier}/version")
        self._allow(
            ["ssm:GetParameter", "ssm:GetParameters"],
            *(arn(self._stack, "ssm", f"parameter{each}") for each in parameters),
        )
        if stage.predictions:
            self._allow(
                ["secretsmanager:GetSecretValue"],
                arn(self._stack, "secretsmanager", "secret:KeySecret*"),
                reason="CloudFormation names the key of the prediction log.",
            )


def arn(stack: cdk.Stack, service: str, resource: str) -> str:
    """Return the ARN of a resource in the stack's account and region."""
    return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"


def role_arn(stack: cdk.Stack, name: str) -> str:
    """Return the ARN of a role in the stack's account."""
    return f"arn:{stack.partition}:iam::{stack.account}:role/{name}"
