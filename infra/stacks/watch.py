"""Who is told when a stage is not well, and where one looks."""

from collections.abc import Iterator, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.alarm_topic import AlarmTopic, Budget
from infra.components.dashboard import Dashboard
from infra.components.function_alarms import FunctionAlarms
from infra.components.limits import Limit, alarms_of
from infra.components.refresh_watch import RefreshWatch
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from infra.stacks.function import FunctionStack


class WatchStack(cdk.Stack):
    """Dashboard, alarms, the topic that they go to, and the account's budget.

    limits, graphs: of what else the stage has, heard and shown with the function's.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        function: FunctionStack,
        limits: Sequence[Limit] = (),
        graphs: Sequence[Sequence[cloudwatch.IWidget]] = (),
        **properties: Any,
    ) -> None:
        super().__init__(scope, id_, **properties)
        self.topic = AlarmTopic(self, "Alarms", project=project, stage=stage)
        of_function = FunctionAlarms(
            self,
            "Function",
            project=project,
            stage=stage,
            alias=function.alias,
            api=function.api,
        )
        name = f"{project.name}-{stage.name}"
        limits = [*limits, *self._of_the_clock(project, stage)]
        heard = [*of_function.alarms, *alarms_of(self, limits, prefix=name)]
        for alarm in heard:
            self.topic.hear(alarm)
        Dashboard(
            self,
            "Dashboard",
            project=project,
            stage=stage,
            alias=function.alias,
            api=function.api,
            alarms=heard,
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

    def _of_the_clock(
        self, project: ProjectConfiguration, stage: StageConfiguration
    ) -> Iterator[Limit]:
        """Where there is a clock: GitHub's, of a repository that was filled in, which refreshes
        what is in production."""
        hours = stage.watch.refresh_hours
        if hours is not None and stage.moves_production and project.repository.filled_in:
            yield RefreshWatch(self, "Refresh", project=project, stage=stage, hours=hours).limit
