"""How traffic moves from the version that is live to a new one, and back where that fails."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.hook_function import HookFunction
from infra.configuration.function import FunctionConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration


class Rollout(Construct):
    """CodeDeploy's application and deployment group over the alias.

    A failed hook, an alarm, or a hand that stops it brings all traffic back. Where traffic moves
    all at once alarms are not asked: they could tell nothing yet, and one that rings must not
    keep a repair out.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        alias: lambda_.Alias,
        before_traffic: HookFunction,
        alarms: Sequence[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, id_)
        name = f"{project.name}-{stage.name}"
        at_once = stage.function.rollout == "AllAtOnce"
        self.group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            application=codedeploy.LambdaApplication(self, "Application", application_name=name),
            deployment_group_name=name,
            alias=alias,
            deployment_config=_configuration(self, stage.function),
            pre_hook=before_traffic.function,
            alarms=list(alarms),
            ignore_alarm_configuration=at_once,
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=not at_once
            ),
        )
        self.group.grant_put_lifecycle_event_hook_execution_status(before_traffic.role)
        alias.node.add_dependency(*alarms)
        acknowledge(
            self.group,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AWSCodeDeployRoleForLambdaLimited]",
            "AWS keeps this policy in step with what CodeDeploy does; it moves aliases, reads "
            "alarms and calls hooks, no more.",
        )
        acknowledge_wildcard(
            self.group,
            f"{before_traffic.function.function_arn}:*",
            "The versions of the one hook.",
        )


def _configuration(
    scope: Construct, function: FunctionConfiguration
) -> codedeploy.ILambdaDeploymentConfig:
    return codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(
        scope, "Configuration", f"CodeDeployDefault.Lambda{function.rollout}"
    )
