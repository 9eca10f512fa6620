"""IAM roles of GitHub's jobs that deploy a stage: with an approval, and without one."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import allow
from infra.components.github_roles import GitHubTrust, grant_registry_read, grant_registry_write
from infra.components.image_changes import ImageChanges, arn, role_arn
from infra.configuration.deployment import Deployment

# Roles of `cdk bootstrap`: for CloudFormation, for uploading templates, for lookups.
BOOTSTRAP_ROLES = ("deploy", "file-publishing", "lookup")
REFRESH_WORKFLOW = "refresh-model"  # the name in .github/workflows/refresh-model.yml


class StageRole(Construct):
    """Role for jobs that deploy a stage: reads its state, tags live images, records releases.

    A subclass adds the permission to change the stage.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        bucket: s3.Bucket,
        repositories: Sequence[ecr.Repository],
        purpose: str,
        jobs: iam.IPrincipal,
        description: str,
    ) -> None:
        super().__init__(scope, id_)
        stage = deployment.stage
        self._stack, self._name = cdk.Stack.of(self), deployment.name
        self.role = iam.Role(
            self,
            "Role",
            role_name=deployment.role(purpose),
            assumed_by=jobs,
            description=description,
        )
        self._allow = partial(allow, self.role)
        self._allow(
            ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"],
            *(repository.repository_arn for repository in repositories),
        )
        self._allow_status(deployment)
        grant_registry_read(self.role, bucket)
        records = [f"releases/{stage.name}/*"]
        moves = ["*/aliases/production.json"] if stage.moves_production else []
        grant_registry_write(self.role, bucket, records + moves)

    def _allow_status(self, deployment: Deployment) -> None:
        """Allow reading a deployment's state: stacks, canary, alarms and live version."""
        stage = deployment.stage
        name, stack = self._name, self._stack
        self._allow(
            ["cloudformation:DescribeStacks"],
            *(
                arn(stack, "cloudformation", f"stack/{each}/*")
                for each in (f"{name}-*", stack.stack_name)
            ),
            reason="Stacks of this stage and the foundation; an id of AWS follows their names.",
        )
        function = arn(stack, "lambda", f"function:{name}")
        self._allow(["lambda:GetAlias", "lambda:GetFunction"], function, f"{function}:live")
        self._allow(["lambda:GetFunctionConcurrency"], function)
        self._allow(["lambda:GetAccountSettings"], "*", reason="This action knows no resources.")
        group = arn(stack, "codedeploy", f"deploymentgroup:{name}/{name}")
        # Stopped is only what a rollback finds under way.
        reads = ["codedeploy:ListDeployments", "codedeploy:GetDeployment"]
        self._allow([*reads, "codedeploy:StopDeployment"], group)
        # By a prefix of their names, for which CloudWatch checks the permission on all alarms.
        self._allow(
            ["cloudwatch:DescribeAlarms"],
            arn(stack, "cloudwatch", "alarm:*"),
            reason="CloudWatch checks a search by prefix on all alarms; it is only read.",
        )
        qualifier = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
        parameters = (deployment.key_parameter, f"/cdk-bootstrap/{qualifier}/version")
        self._allow(
            ["ssm:GetParameter"], *(arn(stack, "ssm", f"parameter{each}") for each in parameters)
        )
        if stage.api.auth == "iam":
            self._allow(
                ["execute-api:Invoke"],
                arn(stack, "execute-api", "*/$default/*/*"),
                reason="The API's id is unknown before its creation; only calls are allowed.",
            )


class DeployRole(StageRole):
    """Role for jobs in a stage's GitHub environments, which can require an approval.

    It deploys through the roles of `cdk bootstrap` and has no permission to create resources.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        trust: GitHubTrust,
        **properties: Any,
    ) -> None:
        stage = deployment.stage
        super().__init__(
            scope,
            id_,
            deployment=deployment,
            purpose="deploy",
            jobs=trust.jobs(*(f"environment:{each}" for each in stage.environments)),
            description=f"GitHub: deploy stage {stage.name}",
            **properties,
        )
        stack, qualifier = self._stack, cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
        suffix = f"role-{stack.account}-{stack.region}"
        self._allow(
            ["sts:AssumeRole"],
            *(role_arn(stack, f"cdk-{qualifier}-{role}-{suffix}") for role in BOOTSTRAP_ROLES),
        )


class RefreshRole(StageRole):
    """Role for the scheduled refresh, which nobody approves: it changes a stage's images.

    It updates the stage's stacks only with CloudFormation's role for that, so that no template can
    do more.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        trust: GitHubTrust,
        repositories: Sequence[ecr.Repository],
        **properties: Any,
    ) -> None:
        stage = deployment.stage
        super().__init__(
            scope,
            id_,
            deployment=deployment,
            repositories=repositories,
            purpose="refresh",
            jobs=trust.jobs(f"environment:{stage.refresh_environment}", workflow=REFRESH_WORKFLOW),
            description=f"GitHub: give stage {stage.name} images with newer models",
            **properties,
        )
        changes = ImageChanges(
            self, "Images", deployment=deployment, repositories=repositories
        ).role.role_arn
        stacks = [
            arn(self._stack, "cloudformation", f"stack/{self._name}-{part}/*")
            for part in stage.image_parts
        ]
        reason = "Stacks of this stage that run an image; an id of AWS follows their names."
        self._allow(["cloudformation:DescribeStackEvents"], *stacks, reason=reason)
        self._allow(
            ["cloudformation:UpdateStack"],
            *stacks,
            conditions={"StringEquals": {"cloudformation:RoleArn": changes}},
            reason=reason,
        )
        self._allow(
            ["iam:PassRole"],
            changes,
            conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        )
