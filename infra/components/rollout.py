"""Rollout of a new version by CodeDeploy, and the alarms that roll it back."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.hook_function import HookFunction
from infra.components.limits import Limit, create_alarm
from infra.components.metrics import ServiceMetrics, percent_of, smallest_sample
from infra.configuration.deployment import Deployment

BROKEN, ANSWERS = ROLLOUT_ALARMS = ("new-version-breaks", "answers-5xx")
MINUTE = cdk.Duration.minutes(1)


class RolloutAlarms(Construct):
    """Alarms on failed invocations of the new version, and on its responses of 500 or above.

    Both count callers of the new version alone, so that the previous version neither dilutes its
    failures nor adds to them. A minute counts only if one failure of its calls alone stays below
    the limit. The version is part of the names: an updated alarm would keep its state, and one
    that went off for a broken version would stop its repair.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, version: lambda_.Version
    ) -> None:
        super().__init__(scope, id_)
        name, limit = deployment.name, deployment.stage.watch.errors_percent
        metrics = ServiceMetrics(name)

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

        def answers_metric(metric: str) -> cloudwatch.Metric:
            return metrics.version_metric(version.version, metric, "Sum", period=MINUTE)

        self.alarms = [
            create_alarm(
                self,
                id_,
                Limit(
                    what,
                    description,
                    percent_of(
                        failed, calls, label=label, period=MINUTE, minimum=smallest_sample(limit)
                    ),
                    limit,
                    periods=2,
                    breaching=1,
                ),
                name=f"{name}-{what}-{version.version}",
            )
            for id_, what, description, label, failed, calls in (
                (
                    "Broken",
                    BROKEN,
                    "The new version fails or times out.",
                    "invocations of the new version that failed",
                    version_metric("Errors"),
                    version_metric("Invocations"),
                ),
                (
                    "Answers",
                    ANSWERS,
                    "The new version answers with 500 or above.",
                    "answers of the new version of 500 or above",
                    answers_metric("errors"),
                    answers_metric("requests"),
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
        deployment: Deployment,
        alias: lambda_.Alias,
        before_traffic: HookFunction,
        alarms: Sequence[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, id_)
        stage, name = deployment.stage, deployment.name
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
            self.group, f"{before_traffic.function.function_arn}:*", "The versions of the one hook."
        )
