"""How many tasks there are: by requests, by what waits in them, by the clock, and from none."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.components.metrics import ServiceMetrics
from infra.components.server_task import METRICS_SECONDS
from infra.configuration.project import ProjectConfiguration
from infra.configuration.service import ServiceConfiguration, SleepConfiguration
from infra.configuration.stage import StageConfiguration

MINUTE = cdk.Duration.minutes(1)
# How long a further task takes to answer, and so how long to wait before asking for yet another.
COLD = {"gpu": cdk.Duration.minutes(8), "fargate": cdk.Duration.minutes(3)}
CALM = cdk.Duration.minutes(5)  # before a task is taken away after another


class TaskScaling(Construct):
    """Two targets that tasks are kept at, from lines that each of them writes every minute.

    A task tells its requests also where there were none, so idle ones are taken away, down to none
    where the minimum is 0. With none there are no lines: what wakes the service is the balancer's
    count of callers that it had to turn away.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        service: ServiceConfiguration,
        tasks: ecs.FargateService,
        balancer: balancing.ApplicationLoadBalancer,
    ) -> None:
        super().__init__(scope, id_)
        self._service, self._cold = service, COLD[service.capacity]
        self._count = tasks.auto_scale_task_count(
            min_capacity=service.minimum_tasks, max_capacity=service.maximum_tasks
        )
        metrics = ServiceMetrics(project.server(stage.name))
        # Each task writes one line in the time, so their average is what one task has to do.
        for name, metric, target in (
            ("Requests", "requests", service.target_requests_per_second * METRICS_SECONDS),
            ("Queue", "queue_windows_max", service.queue_windows),
        ):
            self._count.scale_to_track_custom_metric(
                name,
                metric=metrics.of_service(metric, "Average", period=MINUTE),
                target_value=target,
                scale_out_cooldown=self._cold,
                scale_in_cooldown=CALM,
            )
        if service.minimum_tasks == 0 or (service.sleep and service.sleep.wakes):
            self._wake_on(
                balancer.metrics.http_code_elb(
                    balancing.HttpCodeElb.ELB_503_COUNT, statistic="Sum", period=MINUTE
                )
            )
        if service.sleep:
            self._sleep(service.sleep)

    def _wake_on(self, turned_away: cloudwatch.IMetric) -> None:
        """A task where callers were turned away for want of any, and no second while it starts."""
        self._count.scale_on_metric(
            "Wake",
            metric=turned_away,
            scaling_steps=[
                autoscaling.ScalingInterval(upper=0, change=0),
                autoscaling.ScalingInterval(lower=1, change=1),
            ],
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=self._cold,
            evaluation_periods=1,
        )

    def _sleep(self, sleep: SleepConfiguration) -> None:
        service = self._service
        zone = cdk.TimeZone.of(sleep.time_zone)
        self._count.scale_on_schedule(
            "Sleep",
            schedule=autoscaling.Schedule.expression(sleep.start),
            time_zone=zone,
            min_capacity=0,
            max_capacity=service.maximum_tasks if sleep.wakes else 0,
        )
        self._count.scale_on_schedule(
            "Rise",
            schedule=autoscaling.Schedule.expression(sleep.end),
            time_zone=zone,
            min_capacity=service.minimum_tasks,
            max_capacity=service.maximum_tasks,
        )
