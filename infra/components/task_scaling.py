"""Auto scaling of the tasks: by requests, by queued windows, by schedule, and from zero."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.components.metrics import ServiceMetrics
from infra.components.server_task import METRICS_SECONDS
from infra.configuration.deployment import Deployment
from infra.configuration.service import ServiceConfiguration, SleepConfiguration

MINUTE = cdk.Duration.minutes(1)
# Time until a new task is ready, and so the wait before another one starts.
SCALE_OUT_COOLDOWN = {"gpu": cdk.Duration.minutes(8), "fargate": cdk.Duration.minutes(3)}
SCALE_IN_COOLDOWN = cdk.Duration.minutes(5)


class TaskScaling(Construct):
    """Target tracking on two metrics that every task logs each minute.

    A task logs its requests even if there were none, so idle tasks are removed, down to zero if the
    minimum is 0. Without tasks there are no metrics: the balancer's count of 503 wakes the service.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        service: ServiceConfiguration,
        tasks: ecs.FargateService,
        balancer: balancing.ApplicationLoadBalancer,
    ) -> None:
        super().__init__(scope, id_)
        self._service, self._cooldown = service, SCALE_OUT_COOLDOWN[service.capacity]
        self._count = tasks.auto_scale_task_count(
            min_capacity=service.minimum_tasks, max_capacity=service.maximum_tasks
        )
        metrics = ServiceMetrics(deployment.server)
        # Each task logs one line a period, so the average is the load of one task.
        for name, metric, target in (
            ("Requests", "requests", service.target_requests_per_second * METRICS_SECONDS),
            ("Queue", "queue_windows_max", service.queue_windows),
        ):
            self._count.scale_to_track_custom_metric(
                name,
                metric=metrics.service_metric(metric, "Average", period=MINUTE),
                target_value=target,
                scale_out_cooldown=self._cooldown,
                scale_in_cooldown=SCALE_IN_COOLDOWN,
            )
        if service.minimum_tasks == 0 or (service.sleep and service.sleep.wakes):
            self._wake_on(
                balancer.metrics.http_code_elb(
                    balancing.HttpCodeElb.ELB_503_COUNT, statistic="Sum", period=MINUTE
                )
            )
        if service.sleep:
            self._sleep(service.sleep)

    def _wake_on(self, refused: cloudwatch.IMetric) -> None:
        """Start one task when the balancer refused callers, and no second one while it starts."""
        self._count.scale_on_metric(
            "Wake",
            metric=refused,
            scaling_steps=[
                autoscaling.ScalingInterval(upper=0, change=0),
                autoscaling.ScalingInterval(lower=1, change=1),
            ],
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=self._cooldown,
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
