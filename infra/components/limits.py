"""Limits of metrics, from which the watch stack makes alarms.

A stack describes its limits; the watch stack has the alarms, with their topic.
"""

from collections.abc import Iterable
from typing import NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


class Limit(NamedTuple):
    """Limit of a metric. `name` follows the stage's prefix; `operator` is the breaching comparison.

    The alarm goes off after `periods` breaching periods in a row, or `breaching` of them. With
    `notifies_silence` it also reports that a metric has stopped: the change to INSUFFICIENT_DATA,
    in which it begins.
    """

    name: str
    description: str
    metric: cloudwatch.IMetric
    threshold: float
    operator: cloudwatch.ComparisonOperator = ABOVE
    periods: int = 1
    notifies_silence: bool = False
    breaching: int | None = None


def create_alarms(
    scope: Construct, limits: Iterable[Limit], *, prefix: str
) -> list[cloudwatch.Alarm]:
    """Create an alarm for each limit. `prefix` starts their names."""
    return [
        create_alarm(
            scope,
            "".join(part.capitalize() for part in limit.name.split("-")),
            limit,
            name=f"{prefix}-{limit.name}",
        )
        for limit in limits
    ]


def create_alarm(scope: Construct, id_: str, limit: Limit, *, name: str) -> cloudwatch.Alarm:
    """Create the alarm of a limit."""
    silence = cloudwatch.TreatMissingData
    return cloudwatch.Alarm(
        scope,
        id_,
        alarm_name=name,
        alarm_description=limit.description,
        metric=limit.metric,
        threshold=limit.threshold,
        comparison_operator=limit.operator,
        evaluation_periods=limit.periods,
        datapoints_to_alarm=limit.breaching,
        treat_missing_data=silence.MISSING if limit.notifies_silence else silence.NOT_BREACHING,
    )
