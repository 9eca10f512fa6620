"""CloudWatch metrics of the application."""

import math
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

NAMESPACE = "Evergreen"
FIVE_MINUTES = cdk.Duration.minutes(5)


class ServiceMetrics:
    """Metrics of one deployment, which `service`, its setting SERVICE, identifies."""

    def __init__(self, service: str) -> None:
        self._service = service

    def service_metric(
        self, name: str, statistic: str, *, period: cdk.Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """Return a metric over all models."""
        return self._metric(name, statistic, period, {})

    def model_metric(
        self, model: str, name: str, statistic: str, *, period: cdk.Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """Return a metric of one model."""
        return self._metric(name, statistic, period, {"model": model})

    def version_metric(
        self, version: str, name: str, statistic: str, *, period: cdk.Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """Return a metric of one version of the function: `requests` or `errors`."""
        return self._metric(name, statistic, period, {"function_version": version})

    def _metric(
        self, name: str, statistic: str, period: cdk.Duration, more: Mapping[str, str]
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"service": self._service, **more},
            statistic=statistic,
            period=period,
        )


def percent_of(
    part: cloudwatch.IMetric,
    whole: cloudwatch.IMetric,
    *,
    label: str,
    period: cdk.Duration = FIVE_MINUTES,
    minimum: int = 0,
) -> cloudwatch.MathExpression:
    """Return one count as a share of another, in percent; no value if the other is 0.

    Where the other is less than `minimum`, the share is 0.
    """
    share = "100 * part / whole"
    return cloudwatch.MathExpression(
        expression=f"IF(whole >= {minimum}, {share}, 0)" if minimum else share,
        using_metrics={"part": part, "whole": whole},
        label=f"{label} (%)",
        period=period,
    )


def smallest_sample(percent: float) -> int:
    """Return the smallest count of which one alone is no more than a percentage."""
    return math.ceil(100 / percent)
