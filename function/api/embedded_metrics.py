"""CloudWatch's embedded metric format: a log line that names which of its members are metrics.

It needs no call and no agent. AWS's "Specification: Embedded metric format" sets the limits.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache

from function.api.observability import Record, counters, encode_json, is_probe, write_lines
from function.api.signals import SIGNALS, LineKind, Signal
from function.core.types import ModelInfo

NAMESPACE = "Evergreen"
MAX_VALUES = 100  # of one metric in a line
# Each label is a metric of its own, and CloudWatch charges per metric.
MAX_LABELS = 20
SECONDS_PER_DAY = 86_400
LABEL = "label_"  # prefix of a label's name as a metric
# Also counted by version of the function, so that a canary answers for its own errors alone.
VERSIONED, VERSION = ("requests", "errors"), "function_version"
MAX_CACHED_DIRECTIVES = 64  # a bound: with many labels, each line may name others


class EmbeddedMetrics:
    """Sink of a Lambda's request records."""

    def __init__(
        self, service: str, models: Sequence[ModelInfo], *, cold: bool, version: str = ""
    ) -> None:
        """Create a sink; `cold` says that the first request waited for the process to start.

        `service` is the dimension that distinguishes deployments, `version` that of the function's
        published versions, empty for none.
        """
        self._service, self._cold = service, cold
        self._version = {VERSION: version} if version else {}
        self._labels = {model.name: countable(model.labels) for model in models}

    def __call__(self, record: Record) -> None:
        """Write the line of a request. Probes are no metrics: they would outnumber requests."""
        cold, self._cold = self._cold, False
        if is_probe(record):
            write_lines(encode_json(record))
            return
        labels = self._labels.get(record.get("model", ""), ())
        record = {
            "service": self._service,
            **self._version,
            "cold_start": int(cold),
            **counters(record),
            **record,
        }
        write_lines(embed("request", record, labels))

    def record_warm_up(self, record: Record) -> None:
        """Write the line of a scheduled warm-up, with the model's age."""
        self._cold = False
        write_lines(embed("age", {"service": self._service, **record}))


def embed(line: LineKind, record: Record, labels: Collection[str] = ()) -> str:
    """Return the JSON of a record, with CloudWatch's directives for the metrics of such a line.

    A metric keeps the values of the first `MAX_VALUES` texts. Predictions of `labels` are counted.
    """
    names, more = _metrics(line, record, labels)
    now, directives = int(time.time() * 1000), _directives(line, tuple(names), VERSION in record)
    members = encode_json({**record, **more}).removeprefix("{")
    return f'{{"_aws":{{"Timestamp":{now},"CloudWatchMetrics":{directives}}},{members}'


def countable(labels: Sequence[str]) -> Sequence[str]:
    """Return the labels that CloudWatch can name, or none if there are too many."""
    if len(labels) > MAX_LABELS:
        return ()
    return [label for label in labels if label.isascii() and label.isprintable()]


def age_record(model: ModelInfo, created: datetime) -> Record:
    """Return the record of a model's age."""
    age = time.time() - created.timestamp()
    return {
        "model": model.name,
        "version": model.version,
        "model_age_days": round(age / SECONDS_PER_DAY, 3),
    }


@cache
def _signals(line: LineKind) -> Mapping[str, Signal]:
    """Return the signals of a kind of line, by member."""
    return {signal.member: signal for signal in SIGNALS if line in signal.lines}


def _metrics(
    line: LineKind, record: Record, labels: Collection[str]
) -> tuple[Sequence[str], Record]:
    """Return the names of a line's metrics, and those members that the record does not have so."""
    names: list[str] = []
    more: Record = {}
    for member in _signals(line):
        value = record.get(member)
        if isinstance(value, dict):
            counted = {LABEL + label: value[label] for label in labels if label in value}
            names += counted
            more |= counted
        elif isinstance(value, list):
            if value:
                names.append(member)
            if len(value) > MAX_VALUES:
                more[member] = value[:MAX_VALUES]
        elif value is not None and (member != "total_ms" or "texts" in record):
            names.append(member)
    return names, more


@lru_cache(maxsize=MAX_CACHED_DIRECTIVES)
def _directives(line: LineKind, names: Sequence[str], versioned: bool) -> str:
    """Return the JSON of the directives that declare these members metrics.

    It is cached: it takes longer to encode than the rest of a line, and most lines share it.
    """
    signals = _signals(line)
    metrics: dict[tuple[str, ...], list[Record]] = {}
    for name in names:
        signal = signals["labels" if name.startswith(LABEL) else name]
        metric = {"Name": name, "Unit": signal.unit}
        metrics.setdefault(signal.dimensions, []).append(metric)
        if versioned and name in VERSIONED:
            metrics.setdefault((*signal.dimensions, VERSION), []).append(metric)
    return encode_json(
        [
            {"Namespace": NAMESPACE, "Dimensions": [list(by)], "Metrics": named}
            for by, named in metrics.items()
        ]
    )
