"""CloudWatch's embedded metric format: a line of the log says which of its figures are metrics.

No call and no agent. The limits are those of AWS's "Specification: Embedded metric format".
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from function.api.observability import Record, encode, is_probe, of_request, write_lines
from function.api.signals import SIGNALS, Line, Signal
from function.core.types import ModelInfo

NAMESPACE = "Evergreen"
MAX_VALUES = 100  # of one metric in a line
# Each label is a metric of its own, and metrics are what CloudWatch charges for.
MAX_LABELS = 20
SECONDS_PER_DAY = 86_400
LABEL = "label_"  # before the name of a label that is a metric
DIRECTIVES = 64  # kept: of a model of many labels, each line may name others


class EmbeddedMetrics:
    """Where the records of a Lambda's requests go.

    service: tells deployments apart. cold: whether whoever is answered first had to wait until
    the process had started.
    """

    def __init__(self, service: str, models: Sequence[ModelInfo], *, cold: bool) -> None:
        self._service, self._cold = service, cold
        self._labels = {model.name: countable(model.labels) for model in models}

    def __call__(self, record: Record) -> None:
        """Write the line of a request; probes are no metrics, they would drown what matters."""
        cold, self._cold = self._cold, False
        if is_probe(record):
            write_lines(encode(record))
            return
        labels = self._labels.get(record.get("model", ""), ())
        record = {"service": self._service, "cold_start": int(cold), **of_request(record)}
        write_lines(embed("request", record, labels))

    def tick(self, record: Record) -> None:
        """Write the line of the clock, which warms the process and tells a model's age."""
        self._cold = False
        write_lines(embed("age", {"service": self._service, **record}))


def embed(line: Line, record: Record, labels: Collection[str] = ()) -> str:
    """The JSON of a record with CloudWatch's directives over what the table wants of such a line.

    labels: those whose predictions are counted. Of more than a hundred texts, the first count.
    """
    values = dict(_values(line, record, labels))
    now, directives = int(time.time() * 1000), _directives(line, tuple(values))
    members = encode({**record, **values}).removeprefix("{")
    return f'{{"_aws":{{"Timestamp":{now},"CloudWatchMetrics":{directives}}},{members}'


def countable(labels: Sequence[str]) -> Sequence[str]:
    """The labels of a model that CloudWatch can name, or none where there are too many."""
    if len(labels) > MAX_LABELS:
        return ()
    return [label for label in labels if label.isascii() and label.isprintable()]


def age_of(model: ModelInfo, created: datetime) -> Record:
    """The record of a model's age. created: when it was made."""
    age = time.time() - created.timestamp()
    return {
        "model": model.name,
        "version": model.version,
        "model_age_days": round(age / SECONDS_PER_DAY, 3),
    }


@cache
def _signals(line: Line) -> Mapping[str, Signal]:
    """By member."""
    return {signal.member: signal for signal in SIGNALS if line in signal.lines}


def _values(line: Line, record: Record, labels: Collection[str]) -> Iterator[tuple[str, Any]]:
    """What is a metric of a line: its name and its value."""
    for member in _signals(line):
        value = record.get(member)
        if isinstance(value, dict):
            yield from ((LABEL + label, value[label]) for label in labels if label in value)
        elif isinstance(value, list):
            if value:
                yield member, value[:MAX_VALUES]
        elif value is not None and (member != "total_ms" or "texts" in record):
            yield member, value


@lru_cache(maxsize=DIRECTIVES)
def _directives(line: Line, names: Sequence[str]) -> str:
    """The JSON of what says that these members are metrics. Encoding it takes longer than all else
    of a line, and hardly two lines differ in it."""
    signals = _signals(line)
    metrics: dict[tuple[str, ...], list[Record]] = {}
    for name in names:
        signal = signals["labels" if name.startswith(LABEL) else name]
        metrics.setdefault(signal.by, []).append({"Name": name, "Unit": signal.unit})
    return encode(
        [
            {"Namespace": NAMESPACE, "Dimensions": [list(by)], "Metrics": named}
            for by, named in metrics.items()
        ]
    )
