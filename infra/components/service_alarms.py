"""Alarms and graphs of the ECS service."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.components.dashboard import graph
from infra.components.limits import Limit, create_alarm
from infra.components.metrics import FIVE_MINUTES, ServiceMetrics, smallest_sample
from infra.configuration.deployment import Deployment

MINUTE = cdk.Duration.minutes(1)


def failed_percent(
    balancer: balancing.ApplicationLoadBalancer, *, period: cdk.Duration, minimum: int = 0
) -> cloudwatch.MathExpression:
    """Return the share of failed requests, in percent; 0 of fewer than `minimum` requests.

    A request fails if a task responds with 500 or above, too late, or breaks the connection. The
    balancer's own 503 does not count: it means that the service has scaled to zero.
    """
    counts = {
        "answers": balancer.metrics.http_code_target(
            balancing.HttpCodeTarget.TARGET_5XX_COUNT, statistic="Sum", period=period
        ),
        "broken": balancer.metrics.http_code_elb(
            balancing.HttpCodeElb.ELB_502_COUNT, statistic="Sum", period=period
        ),
        "late": balancer.metrics.http_code_elb(
            balancing.HttpCodeElb.ELB_504_COUNT, statistic="Sum", period=period
        ),
    }
    failed = " + ".join(f"FILL({name}, 0)" for name in counts)
    share = f"100 * ({failed}) / requests"
    return cloudwatch.MathExpression(
        expression=f"IF(requests >= {minimum}, {share}, 0)" if minimum else share,
        using_metrics={
            **counts,
            "requests": balancer.metrics.request_count(statistic="Sum", period=period),
        },
        label="requests that failed (%)",
        period=period,
    )


def rollback_alarm(
    scope: Construct, *, deployment: Deployment, balancer: balancing.ApplicationLoadBalancer
) -> cloudwatch.Alarm:
    """Return an alarm on failed requests that rolls back a running deployment.

    A minute counts only if one failure of its requests alone stays below the limit.
    """
    limit = deployment.stage.watch.errors_percent
    failing = Limit(
        "fails",
        "The server fails; a deployment that is under way is rolled back.",
        failed_percent(balancer, period=MINUTE, minimum=smallest_sample(limit)),
        limit,
        periods=2,
        breaching=1,
    )
    return create_alarm(scope, "Alarm", failing, name=f"{deployment.server}-fails")


def service_limits(
    *, deployment: Deployment, balancer: balancing.ApplicationLoadBalancer
) -> Sequence[Limit]:
    """Return the limits of failed requests, refused requests and duration."""
    stage = deployment.stage
    metrics = ServiceMetrics(deployment.server)
    limits = [
        Limit(
            "server-5xx",
            "The server answers with 500 or above, late, or not at all.",
            failed_percent(balancer, period=FIVE_MINUTES),
            stage.watch.errors_percent,
            periods=2,
        ),
        Limit(
            "server-full",
            "The server's queue stays full: callers are refused with 429.",
            metrics.service_metric("refused", "Sum"),
            0,
            periods=3,
        ),
    ]
    if stage.watch.p99_milliseconds is not None:
        slow = Limit(
            "server-p99",
            "One answer of the server in a hundred is slow.",
            metrics.service_metric("total_ms", "p99"),
            stage.watch.p99_milliseconds,
            periods=3,
        )
        limits.append(slow)
    return limits


def service_graphs(
    *, deployment: Deployment, targets: balancing.ApplicationTargetGroup
) -> Sequence[cloudwatch.IWidget]:
    """Return a row of the dashboard: requests, waiting windows, durations."""
    metrics = ServiceMetrics(deployment.server)
    return [
        graph(
            "Requests to the server",
            *(metrics.service_metric(each, "Sum") for each in ("requests", "errors", "refused")),
            right=[targets.metrics.healthy_host_count(statistic="Maximum", label="tasks")],
        ),
        graph(
            "Windows that wait, by task",
            metrics.service_metric("queue_windows", "Average"),
            metrics.service_metric("queue_windows_max", "Maximum"),
        ),
        graph(
            "Time of the server's answer (ms)",
            *(metrics.service_metric("total_ms", each) for each in ("p50", "p95", "p99")),
        ),
    ]
