"""The service at a glance: what is asked of it, what waits, how long answers take."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as balancing

from infra.components.dashboard import graph
from infra.components.metrics import ServiceMetrics
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration


def service_graphs(
    *,
    project: ProjectConfiguration,
    stage: StageConfiguration,
    targets: balancing.ApplicationTargetGroup,
) -> Sequence[cloudwatch.IWidget]:
    """A row of the dashboard."""
    metrics = ServiceMetrics(project.server(stage.name))
    return [
        graph(
            "Requests to the server",
            *(metrics.of_service(each, "Sum") for each in ("requests", "errors", "refused")),
            right=[targets.metrics.healthy_host_count(statistic="Maximum", label="tasks")],
        ),
        graph(
            "Windows that wait, by task",
            metrics.of_service("queue_windows", "Average"),
            metrics.of_service("queue_windows_max", "Maximum"),
        ),
        graph(
            "Time of the server's answer (ms)",
            *(metrics.of_service("total_ms", each) for each in ("p50", "p95", "p99")),
        ),
    ]
