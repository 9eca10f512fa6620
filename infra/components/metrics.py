"""The metrics that the application emits, by their name in CloudWatch."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

NAMESPACE = "Evergreen"
FIVE_MINUTES = cdk.Duration.minutes(5)


class ServiceMetrics:
    """What one deployment emits. service: its setting SERVICE."""

    def __init__(self, service: str) -> None:
        self._service = service

    def of_service(
        self, name: str, statistic: str, *, period: cdk.Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """A metric of all its models together."""
        return self._metric(name, statistic, period, {})

    def of_model(
        self, model: str, name: str, statistic: str, *, period: cdk.Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """A metric of one model."""
        return self._metric(name, statistic, period, {"model": model})

    def error_percent(self, *, period: cdk.Duration = FIVE_MINUTES) -> cloudwatch.MathExpression:
        """Answers with 500 or above, of all; none where nobody asked."""
        return percent(
            self.of_service("errors", "Sum", period=period),
            self.of_service("requests", "Sum", period=period),
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


def percent(
    part: cloudwatch.IMetric,
    whole: cloudwatch.IMetric,
    *,
    label: str,
    period: cdk.Duration = FIVE_MINUTES,
) -> cloudwatch.MathExpression:
    """One count as a share of another, in percent; no figure where the other is 0."""
    return cloudwatch.MathExpression(
        expression="100 * part / whole",
        using_metrics={"part": part, "whole": whole},
        label=f"{label} (%)",
        period=period,
    )
