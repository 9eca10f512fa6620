"""CloudWatch dashboard of a stage."""

from collections.abc import Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.metrics import NAMESPACE, ServiceMetrics
from infra.configuration.deployment import Deployment

WIDTH, HEIGHT = 8, 6  # of a graph; a dashboard is 24 wide
STAGES_OF_A_REQUEST = ("tokenization_ms", "inference_ms", "decoding_ms", "explanation_ms")


class Dashboard(Construct):
    """Dashboard with alarms on top, traffic, durations, predictions and drift.

    `more` has rows of graphs of the stage's optional parts.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        alias: lambda_.Alias,
        api: apigateway.HttpApi,
        alarms: Sequence[cloudwatch.IAlarm],
        more: Sequence[Sequence[cloudwatch.IWidget]] = (),
    ) -> None:
        super().__init__(scope, id_)
        service = deployment.name
        metrics = ServiceMetrics(service)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=deployment.name,
            default_interval=None,
            widgets=[
                [cloudwatch.AlarmStatusWidget(alarms=list(alarms), width=24, height=3)],
                _traffic(metrics, alias, api),
                _time(service, metrics, alias, api),
                _models(service),
                _drift(service),
                *[list(row) for row in more],
            ],
        )


def graph(
    title: str, *left: cloudwatch.IMetric, right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    """Return a graph that starts at 0. `right` has metrics of another scale."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        width=WIDTH,
        height=HEIGHT,
        left_y_axis=cloudwatch.YAxisProps(min=0),
    )


def metrics_by_model(service: str, metric: str, statistic: str) -> cloudwatch.IMetric:
    """Return a metric of all models, a line for each.

    `service` is the setting SERVICE; `metric` is a name in double quotes, or a word in the name.
    """
    return cloudwatch.SearchExpression(
        expression=(
            f'SEARCH(\'{{{NAMESPACE},service,model}} service="{service}" '
            f"MetricName={metric}', '{statistic}', 300)"
        ),
        label=metric.strip('"'),
    )


def _traffic(
    metrics: ServiceMetrics, alias: lambda_.Alias, api: apigateway.HttpApi
) -> list[cloudwatch.IWidget]:
    return [
        graph(
            "Requests",
            metrics.service_metric("requests", "Sum"),
            api.metric_count(label="at the API"),
            right=[metrics.service_metric("cold_start", "Sum")],
        ),
        graph(
            "Failures",
            metrics.service_metric("errors", "Sum"),
            api.metric_client_error(label="4xx at the API"),
            api.metric_server_error(label="5xx at the API"),
            alias.metric_errors(label="function"),
        ),
        graph(
            "Room",
            alias.metric("ConcurrentExecutions", statistic="Maximum"),
            alias.metric_throttles(),
        ),
    ]


def _time(
    service: str, metrics: ServiceMetrics, alias: lambda_.Alias, api: apigateway.HttpApi
) -> list[cloudwatch.IWidget]:
    return [
        graph(
            "Time of an answer (ms)",
            *(metrics.service_metric("total_ms", each) for each in ("p50", "p95", "p99")),
        ),
        graph(
            "Time around it (ms)",
            api.metric_latency(statistic="p99", label="API, p99"),
            alias.metric_duration(statistic="p99", label="function, p99"),
        ),
        graph(
            "Where it goes (ms)",
            *(metrics_by_model(service, f'"{each}"', "Average") for each in STAGES_OF_A_REQUEST),
        ),
    ]


def _models(service: str) -> list[cloudwatch.IWidget]:
    return [
        graph("Predictions by label", metrics_by_model(service, "label", "Sum")),
        graph(
            "How sure, and tokens per word",
            metrics_by_model(service, '"score"', "Average"),
            metrics_by_model(service, '"margin"', "Average"),
            right=[metrics_by_model(service, '"tokens_per_word"', "Average")],
        ),
        graph(
            "Texts",
            *(
                metrics_by_model(service, f'"{each}"', "Sum")
                for each in ("texts", "texts_first", "tokens", "windows")
            ),
            right=[metrics_by_model(service, '"model_age_days"', "Maximum")],
        ),
    ]


def _drift(service: str) -> list[cloudwatch.IWidget]:
    """Return graphs of what scripts.drift found, a point for each run."""
    return [
        graph(
            "Distance from the reference (PSI)",
            metrics_by_model(service, "psi", "Maximum"),
            right=[metrics_by_model(service, '"drift"', "Maximum")],
        ),
        graph("Accuracy, by feedback", metrics_by_model(service, '"accuracy"', "Average")),
        graph("Texts looked at for drift", metrics_by_model(service, '"drift_texts"', "Maximum")),
    ]
