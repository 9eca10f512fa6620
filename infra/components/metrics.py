"""CloudWatch metrics of the application."""

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

    def error_percent(self, *, period: cdk.Duration = FIVE_MINUTES) -> cloudwatch.MathExpression:
        """Return the percentage of responses with 500 or above; no value without requests."""
        return percent_of(
            self.service_metric("errors", "Sum", period=period),
            self.service_metric("requests", "Sum", period=period),
            label="errors of the application",
            period=period,
        )

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
) -> cloudwatch.MathExpression:
    """Return one count as a share of another, in percent; no value if the other is 0."""
    return cloudwatch.MathExpression(
        expression="100 * part / whole",
        using_metrics={"part": part, "whole": whole},
        label=f"{label} (%)",
        period=period,
    )
