"""Metrics of a drift check for CloudWatch's alarm and dashboard."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scripts.common.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

DRIFT, TEXTS, INDEX = "drift", "drift_texts", "psi"


def metric_values(document: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of a report by the name of their metric.

    `drift` is 1 or 0, and absent if there are too few texts; `psi_FEATURE` is the distance of a
    feature from the reference; `accuracy` is that of the answers with feedback.
    """
    figures = {TEXTS: float(document["texts"])}
    if document["verdict"] != "quiet":
        figures[DRIFT] = float(document["verdict"] == "drift")
    for each in document["features"]:
        if each["measure"] == "PSI":
            figures[f"{INDEX}_{each['feature']}"] = each["effect"]
    if document["feedback"]:
        figures["accuracy"] = document["feedback"]["accuracy"]
    return figures


def metric_data(
    document: Mapping[str, Any], service: str, time: datetime
) -> "Sequence[MetricDatumTypeDef]":
    """Return the values as PutMetricData takes them.

    They have the dimensions of the application's own metrics. `drift` also goes under the service
    alone, whose alarm covers every model.
    """
    return list(_data(metric_values(document), document["model"], service, time))


def _data(
    figures: Mapping[str, float], model: str, service: str, time: datetime
) -> "Iterator[MetricDatumTypeDef]":
    for name, value in figures.items():
        yield _datum(name, value, time, {"service": service, "model": model})
    if DRIFT in figures:
        yield _datum(DRIFT, figures[DRIFT], time, {"service": service})


def _datum(
    name: str, value: float, time: datetime, dimensions: Mapping[str, str]
) -> "MetricDatumTypeDef":
    return {
        "MetricName": name,
        "Dimensions": [{"Name": each, "Value": dimensions[each]} for each in dimensions],
        "Timestamp": time,
        "Value": value,
        "Unit": "Count" if name == TEXTS else "None",
    }


def put_metrics(namespace: str, data: "Sequence[MetricDatumTypeDef]") -> None:
    """Send metrics. Raises CommandError if CloudWatch cannot be reached or refuses."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    settings = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
    try:
        client = boto3.Session().client("cloudwatch", config=settings)
        client.put_metric_data(Namespace=namespace, MetricData=data)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"CloudWatch: {error}") from error
