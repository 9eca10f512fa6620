"""What CloudWatch demands of a line before it takes metrics from it.

The rules are those of AWS's "Specification: Embedded metric format" and of `MetricDatum`.
"""

import json
import math
import re

UNITS = re.compile(
    r"Seconds|Microseconds|Milliseconds|Percent|None|Count(/Second)?"
    r"|(B|Kilob|Megab|Gigab|Terab)(ytes|its)(/Second)?"
)
MAX_METRICS = MAX_VALUES = 100
MAX_DIMENSIONS = 30
MAX_NAME = 255
MAX_BYTES = 256 * 1024


def metrics_of(line):
    """{name: (unit, dimensions, value)} of a line as it was written; AssertionError where
    CloudWatch would drop some of it."""
    assert len(line.encode()) <= MAX_BYTES
    document = json.loads(line, parse_constant=_refuse)
    embedded = document["_aws"]
    assert type(embedded["Timestamp"]) is int
    assert embedded["Timestamp"] > 1_000_000_000_000, "milliseconds"
    found = {}
    for directive in embedded["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        _check_name(directive["Namespace"])
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) == len(set(dimensions)) <= MAX_DIMENSIONS
            for dimension in dimensions:
                _check_name(dimension)
                _check_name(document[dimension])
        assert 0 < len(directive["Metrics"]) <= MAX_METRICS
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"}
            _check_name(metric["Name"])
            assert UNITS.fullmatch(metric["Unit"])
            assert metric["Name"] not in found, "named twice"
            assert metric["Name"] not in dimensions, "a figure and a dimension"
            value = document[metric["Name"]]
            for figure in value if isinstance(value, list) else [value]:
                assert type(figure) in (int, float), "a boolean, a text and null are no numbers"
                assert math.isfinite(figure)
            assert not isinstance(value, list) or 0 < len(value) <= MAX_VALUES
            found[metric["Name"]] = (metric["Unit"], directive["Dimensions"], value)
    return found


def _check_name(name):
    assert isinstance(name, str)
    assert 0 < len(name) <= MAX_NAME
    assert name.strip()
    assert name.isascii()
    assert name.isprintable()
    assert not name.startswith(":")


def _refuse(constant):
    raise AssertionError(f"{constant} is not JSON")
