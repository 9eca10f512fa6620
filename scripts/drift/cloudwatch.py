"""Metrics of a drift check for CloudWatch's alarm and dashboard."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
    figures, both = metric_values(document), {"service": service, "model": document["model"]}
    data = [_datum(name, value, time, both) for name, value in figures.items()]
    if DRIFT in figures:
        data.append(_datum(DRIFT, figures[DRIFT], time, {"service": service}))
    return data


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

    from scripts.deploy.account import CONFIG, aws_errors

    with aws_errors("CloudWatch"):
        client = boto3.Session().client("cloudwatch", config=CONFIG)
        client.put_metric_data(Namespace=namespace, MetricData=data)
