"""The clock: keeps a process warm, and has it tell the age of its model."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.configuration.stage import StageConfiguration


class WarmUp(Construct):
    """A rule that calls the alias with EventBridge's own event, which the handler knows."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: StageConfiguration, alias: lambda_.Alias
    ) -> None:
        super().__init__(scope, id_)
        minutes = stage.function.tick_minutes
        events.Rule(
            self,
            "Tick",
            description=f"Warms the function every {minutes} minutes; it tells its model's age",
            schedule=events.Schedule.rate(cdk.Duration.minutes(minutes)),
            targets=[
                # A tick that fails is late already; the next one comes.
                targets.LambdaFunction(
                    alias, retry_attempts=0, max_event_age=cdk.Duration.minutes(1)
                )
            ],
        )
