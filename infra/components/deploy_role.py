"""What a workflow may do that deploys one stage."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge_wildcard
from infra.components.github_trust import GitHubTrust
from infra.components.image_roles import read_registry, write_registry
from infra.components.rollout_alarms import ROLLOUT_ALARMS
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

# Of `cdk bootstrap`: one to ask CloudFormation, one to upload templates, one to look.
BOOTSTRAP = ("deploy", "file-publishing", "lookup")


class DeployRole(Construct):
    """A role for the jobs of a stage's environments on GitHub.

    It makes nothing itself: it asks through the roles of the bootstrap, reads what became of it,
    tags the image that is live, and records the release.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        trust: GitHubTrust,
        bucket: s3.Bucket,
        repositories: Sequence[ecr.Repository],
    ) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        name = f"{project.name}-{stage.name}"
        self.role = iam.Role(
            self,
            "Role",
            role_name=f"{name}-deploy",
            assumed_by=trust.jobs(*(f"environment:{each}" for each in stage.environments)),
            description=f"GitHub: deploy stage {stage.name}",
        )
        self._allow(
            ["sts:AssumeRole"],
            *(
                stack.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"cdk-{cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER}-{role}"
                    f"-role-{stack.account}-{stack.region}",
                )
                for role in BOOTSTRAP
            ),
        )
        self._allow(
            ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"],
            *(repository.repository_arn for repository in repositories),
        )
        self._look(stack, project, stage)
        read_registry(self.role, bucket)
        records = [f"releases/{stage.name}/*"]
        moves = ["*/aliases/production.json"] if stage.moves_production else []
        write_registry(self.role, bucket, records + moves)

    def _allow(self, actions: Sequence[str], *resources: str) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )

    def _look(
        self, stack: cdk.Stack, project: ProjectConfiguration, stage: StageConfiguration
    ) -> None:
        """What became of a deployment: stacks, the canary and its alarms, what is live."""
        name = f"{project.name}-{stage.name}"

        def arn(service: str, resource: str, resource_name: str) -> str:
            return stack.format_arn(
                service=service,
                resource=resource,
                resource_name=resource_name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        stacks = [
            stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{each}/*")
            for each in (f"{name}-*", stack.stack_name)
        ]
        self._allow(["cloudformation:DescribeStacks"], *stacks)
        function = arn("lambda", "function", name)
        self._allow(["lambda:GetAlias", "lambda:GetFunction"], function, f"{function}:live")
        group = arn("codedeploy", "deploymentgroup", f"{name}/{name}")
        self._allow(["codedeploy:ListDeployments", "codedeploy:GetDeployment"], group)
        self._allow(
            ["cloudwatch:DescribeAlarms"],
            *(arn("cloudwatch", "alarm", f"{name}-{alarm}") for alarm in ROLLOUT_ALARMS),
        )
        qualifier = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
        parameters = (project.key_parameter(stage.name), f"/cdk-bootstrap/{qualifier}/version")
        self._allow(
            ["ssm:GetParameter"],
            *(
                stack.format_arn(
                    service="ssm", resource="parameter", resource_name=each.removeprefix("/")
                )
                for each in parameters
            ),
        )
        reasons = {
            stacks[
                0
            ]: "The stacks of this stage alone; behind their names stands a number of AWS's.",
            stacks[1]: "This one stack; behind its name stands a number of AWS's.",
        }
        if stage.api.auth == "iam":
            api = stack.format_arn(
                service="execute-api", resource="*", resource_name="$default/*/*"
            )
            self._allow(["execute-api:Invoke"], api)
            reasons[api] = "The API's id is not known before it is there; it is only called."
        for resource, reason in reasons.items():
            acknowledge_wildcard(self.role, resource, reason)
