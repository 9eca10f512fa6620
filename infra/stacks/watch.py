"""Stack of a stage's alarms, dashboard and budget."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm_topic import AlarmTopic, Budget
from infra.components.dashboard import Dashboard
from infra.components.function_alarms import function_alarms
from infra.components.limits import Limit, create_alarms
from infra.components.refresh_watch import RefreshWatch
from infra.configuration.deployment import Deployment
from infra.stacks.function import FunctionStack
from infra.stacks.stage import StageStack


class WatchStack(StageStack):
    """Dashboard, alarms, their topic, and the account's budget.

    `limits` and `graphs` are those of the stage's optional parts.
    """

    def __init__(
        self,
        scope: Construct,
        deployment: Deployment,
        *,
        function: FunctionStack,
        limits: Sequence[Limit] = (),
        graphs: Sequence[Sequence[cloudwatch.IWidget]] = (),
    ) -> None:
        super().__init__(scope, deployment, "watch")
        stage = deployment.stage
        self.topic = AlarmTopic(self, "Alarms", deployment=deployment)
        alarms = function_alarms(
            Construct(self, "Function"),
            deployment=deployment,
            alias=function.alias,
            api=function.api,
        )
        name = deployment.name
        limits = [*limits, *self._refresh_limits(deployment)]
        alarms += create_alarms(self, limits, prefix=name)
        for alarm in alarms:
            self.topic.notify(alarm)
        Dashboard(
            self,
            "Dashboard",
            deployment=deployment,
            alias=function.alias,
            api=function.api,
            alarms=alarms,
            more=graphs,
        )
        if stage.watch.budget_dollars is not None:
            Budget(
                self,
                "Budget",
                name=f"{name}-monthly",
                dollars=stage.watch.budget_dollars,
                topic=self.topic.topic,
            )
        cdk.CfnOutput(self, "AlarmTopic", value=self.topic.topic.topic_arn)

    def _refresh_limits(self, deployment: Deployment) -> Iterator[Limit]:
        """Yield the limit of the refresh workflow, which a configured repository runs for prod."""
        project, stage = deployment
        hours = stage.watch.refresh_hours
        if hours is not None and stage.moves_production and project.repository.filled_in:
            yield RefreshWatch(self, "Refresh", deployment=deployment, hours=hours).limit
