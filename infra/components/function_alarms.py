"""Alarms of a stage's function, API and default model."""

import math
from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.limits import AT_LEAST, Limit, create_alarms
from infra.components.metrics import FIVE_MINUTES, ServiceMetrics, percent_of, smallest_sample
from infra.configuration.deployment import Deployment
from infra.configuration.stage import StageConfiguration

HOUR = cdk.Duration.hours(1)
DAY = cdk.Duration.days(1)


def function_alarms(
    scope: Construct, *, deployment: Deployment, alias: lambda_.Alias, api: apigateway.HttpApi
) -> list[cloudwatch.Alarm]:
    """Return alarms on the limits that the stage sets."""
    stage, name = deployment.stage, deployment.name
    metrics = ServiceMetrics(name)
    limits = (*_traffic_limits(stage, alias, api), *_model_limits(stage, metrics))
    alarms = create_alarms(scope, limits, prefix=name)
    if stage.watch.drift_deviations is not None:
        alarms.append(_score_alarm(scope, name, stage, metrics))
    return alarms


def _traffic_limits(
    stage: StageConfiguration, alias: lambda_.Alias, api: apigateway.HttpApi
) -> Iterator[Limit]:
    watch = stage.watch
    failed = percent_of(
        alias.metric_errors(), alias.metric_invocations(), label="invocations that failed"
    )
    yield Limit("errors", "The function fails.", failed, watch.errors_percent, periods=2)
    server = percent_of(
        api.metric_server_error(), api.metric_count(), label="answers of 500 or above"
    )
    yield Limit(
        "5xx", "The API answers with 500 or above.", server, watch.errors_percent, periods=2
    )
    yield Limit(
        "throttles", "Callers are refused: concurrency is used up.", alias.metric_throttles(), 0
    )
    yield Limit(
        "time-outs",
        f"A call took all of the {stage.function.timeout_seconds} seconds that it may.",
        alias.metric_duration(statistic="Maximum"),
        1000 * stage.function.timeout_seconds,
        operator=AT_LEAST,
    )
    if watch.p99_milliseconds is not None:
        yield Limit(
            "p99", "One call in a hundred is slow.", _p99(alias), watch.p99_milliseconds, periods=3
        )


def _p99(alias: lambda_.Alias) -> cloudwatch.MathExpression:
    """Return the 99th percentile of durations, of enough calls that it is not the slowest one."""
    return cloudwatch.MathExpression(
        expression=f"IF(calls >= {smallest_sample(1)}, p99, 0)",
        using_metrics={
            "calls": alias.metric_invocations(),
            "p99": alias.metric_duration(statistic="p99"),
        },
        label="99th percentile of durations (ms)",
        period=FIVE_MINUTES,
    )


def _model_limits(stage: StageConfiguration, metrics: ServiceMetrics) -> Iterator[Limit]:
    days = stage.watch.model_age_days
    if days is not None:
        # A period has a warm-up call: two without one are silence, which the alarm reports.
        period = cdk.Duration.hours(math.ceil(stage.function.tick_minutes / 60))
        yield Limit(
            "model-age",
            f"The model is older than {days} days, or the warm-up that reports its age stopped.",
            metrics.model_metric(
                stage.function.default_model, "model_age_days", "Maximum", period=period
            ),
            days,
            periods=2,
            notifies_silence=True,
        )

    if stage.watch.drift_deviations is not None:
        yield Limit(
            "traffic-drift",
            "Texts or answers are no longer those that a model was validated on: the last run of "
            "scripts.drift says which, and what to do.",
            metrics.service_metric("drift", "Maximum", period=DAY),
            1,
            operator=AT_LEAST,
        )


def _score_alarm(
    scope: Construct, name: str, stage: StageConfiguration, metrics: ServiceMetrics
) -> cloudwatch.Alarm:
    """Return an alarm on a mean score outside the band that CloudWatch learned from two weeks."""
    return cloudwatch.AnomalyDetectionAlarm(
        scope,
        "Drift",
        alarm_name=f"{name}-drift",
        alarm_description="Predictions score unlike they used to: look whether texts have changed.",
        metric=metrics.model_metric(stage.function.default_model, "score", "Average", period=HOUR),
        std_devs=stage.watch.drift_deviations,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
        evaluation_periods=6,
        datapoints_to_alarm=4,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
