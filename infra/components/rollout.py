"""Rollout of a new version by CodeDeploy, and the alarms that roll it back."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.hook_function import HookFunction
from infra.components.metrics import ServiceMetrics, percent_of
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

BROKEN, ANSWERS = ROLLOUT_ALARMS = ("new-version-breaks", "answers-5xx")
MINUTE = cdk.Duration.minutes(1)


class RolloutAlarms(Construct):
    """Alarms on failed invocations of the new version, and on responses with 500 or above.

    The first counts the new version alone, by a dimension that Lambda adds for an alias. So the
    requests that still go to the previous version do not dilute its failures, and failures of a
    broken version do not block the next one.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        version: lambda_.Version,
    ) -> None:
        super().__init__(scope, id_)
        name = f"{project.name}-{stage.name}"

        def version_metric(metric: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name=metric,
                dimensions_map={
                    "FunctionName": name,
                    "Resource": f"{name}:live",
                    "ExecutedVersion": version.version,
                },
                statistic="Sum",
                period=MINUTE,
            )

        limit = stage.watch.errors_percent
        broken = percent_of(
            version_metric("Errors"),
            version_metric("Invocations"),
            label="invocations of the new version that failed",
            period=MINUTE,
        )
        metrics = ServiceMetrics(project.service(stage.name))
        self.alarms = [
            cloudwatch.Alarm(
                self,
                id_,
                alarm_name=f"{name}-{what}",
                alarm_description=description,
                metric=metric,
                threshold=limit,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                evaluation_periods=2,
                datapoints_to_alarm=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            for id_, what, description, metric in (
                ("Broken", BROKEN, "The new version fails or times out.", broken),
                (
                    "Answers",
                    ANSWERS,
                    "The application answers with 500 or above.",
                    metrics.error_percent(period=MINUTE),
                ),
            )
        ]


class Rollout(Construct):
    """Application and deployment group of CodeDeploy over the alias.

    A failed hook, an alarm or a manual stop rolls back. An AllAtOnce rollout ignores the alarms:
    they have no data on the new version yet, and one in ALARM must not block a fix.
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
            deployment_config=codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(
                self, "Configuration", f"CodeDeployDefault.Lambda{stage.function.rollout}"
            ),
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
            "AWS maintains this policy for CodeDeploy; it moves aliases, reads alarms and calls "
            "hooks, no more.",
        )
        acknowledge_wildcard(
            self.group,
            f"{before_traffic.function.function_arn}:*",
            "The versions of the one hook.",
        )
