"""What takes a new version back while it has only a part of the traffic."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.metrics import ServiceMetrics, percent
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

BROKEN, ANSWERS = ROLLOUT_ALARMS = ("new-version-breaks", "answers-5xx")
MINUTE = cdk.Duration.minutes(1)


class RolloutAlarms(Construct):
    """Two alarms: the new version breaks, by Lambda's own count; answers are 500 or above.

    The first counts the one version alone, by the dimension that Lambda adds for an alias: one in
    ten requests that breaks is not thinned by the nine that still go to the version before, and a
    version that was broken does not keep its repair out.
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

        def of_version(metric: str) -> cloudwatch.Metric:
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
        broken = percent(
            of_version("Errors"),
            of_version("Invocations"),
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
