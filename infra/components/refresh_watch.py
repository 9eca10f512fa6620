"""Alarm on the refresh workflow, whose schedule GitHub can stop without a notice."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.hook_function import HookFunction
from infra.components.limits import Limit
from infra.components.metrics import ServiceMetrics
from infra.configuration.deployment import Deployment

HOUR = cdk.Duration.hours(1)


class RefreshWatch(Construct):
    """Hourly metric of the time since the last check for a newer model, and its `limit`.

    Every check records itself in the registry's bucket, whatever it finds. Before the first one,
    the time counts from the move of `production` by the last deployment.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment, hours: int) -> None:
        super().__init__(scope, id_)
        project, stage = deployment
        stack = cdk.Stack.of(self)
        model = stage.function.default_model
        bucket = f"{project.name}-models-{stack.account}-{stack.region}"
        keys = (f"{model}/looks/last.json", f"{model}/aliases/production.json")
        service = deployment.name
        hook = HookFunction(
            self,
            "Age",
            stage=stage,
            module="refresh_age",
            description="Reports the age of the last check for a newer model",
            environment={
                "BUCKET": bucket,
                "KEYS": ",".join(keys),
                "MODEL": model,
                "SERVICE": service,
            },
            timeout=cdk.Duration.seconds(30),
        )
        records = [f"arn:{stack.partition}:s3:::{bucket}/{key}" for key in keys]
        hook.role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=records))
        events.Rule(
            self,
            "Clock",
            description="Has the age of the last check for a newer model reported",
            schedule=events.Schedule.rate(HOUR),
            targets=[targets.LambdaFunction(hook.function)],
        )
        self.limit = Limit(
            "refresh-age",
            f"Nobody has looked for a newer model for {hours} hours: GitHub may have stopped the "
            "schedule of refresh-model.yml, as it does after 60 days without a commit.",
            ServiceMetrics(service).model_metric(
                model, "refresh_age_hours", "Maximum", period=HOUR
            ),
            hours,
            periods=2,
            notifies_silence=True,
        )
