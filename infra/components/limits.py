"""When an alarm rings, said apart from where it is made: alarms and their topic share a stack."""

from collections.abc import Iterable
from typing import NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


class Limit(NamedTuple):
    """When an alarm rings. periods: in a row. silence: whether no figure at all is bad too."""

    name: str
    means: str
    metric: cloudwatch.IMetric
    threshold: float
    operator: cloudwatch.ComparisonOperator = ABOVE
    periods: int = 1
    silence: bool = False


def alarms_of(scope: Construct, limits: Iterable[Limit], *, prefix: str) -> list[cloudwatch.Alarm]:
    """An alarm for each limit. prefix: of their names."""
    return [
        cloudwatch.Alarm(
            scope,
            "".join(part.capitalize() for part in limit.name.split("-")),
            alarm_name=f"{prefix}-{limit.name}",
            alarm_description=limit.means,
            metric=limit.metric,
            threshold=limit.threshold,
            comparison_operator=limit.operator,
            evaluation_periods=limit.periods,
            treat_missing_data=(
                cloudwatch.TreatMissingData.BREACHING
                if limit.silence
                else cloudwatch.TreatMissingData.NOT_BREACHING
            ),
        )
        for limit in limits
    ]
