"""Prometheus metrics of a server, from the same records as its log."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from function.api.observability import Record
from function.api.signals import SIGNALS, Signal

PREFIX = "evergreen_"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NONE, OTHER = "none", "other"

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1)
# As in the profile of a manifest.
TOKENS_PER_WORD = (1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2, 3)
TOKENS = tuple(2**power for power in range(4, 18))
BUCKETS = {
    "score": SHARES,
    "margin": SHARES,
    "tokens_per_word": TOKENS_PER_WORD,
    "batch_windows": tuple(2**power for power in range(11)),
    "batch_tokens": TOKENS,
    "batch_padded_tokens": TOKENS,
}
# Ending of a member's name, and its unit in seconds.
UNITS = {"_ms": 0.001, "_days": 86_400.0}

# The values of a gauge's labels, in order, and the gauge's value.
GaugeSample = tuple[Sequence[str], float]
Family = Counter | Histogram


class PrometheusMetrics:
    """Registry of one server's metrics, which records update and `exposition` reads.

    Every label has few values: templates of routes, known methods, served models.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        families: dict[str, Family] = {}
        self._counts: list[_Count] = []
        for signal in SIGNALS:
            if signal.kind in ("counter", "histogram"):
                # Several signals may share a metric, distinguished by a label.
                if signal.prometheus not in families:
                    families[signal.prometheus] = _family(signal, self._registry)
                self._counts.append(_Count(signal, families[signal.prometheus]))

    def count(self, record: Record) -> None:
        """Update the metrics of all signals that a record holds."""
        if record.get("method") not in METHODS:
            record = {**record, "method": OTHER}
        for count in self._counts:
            count.take(record)

    def add_gauge(self, member: str, read: Callable[[], Iterable[GaugeSample]]) -> None:
        """Add a gauge, by its member in the table; each scrape calls `read`."""
        signal = next(signal for signal in SIGNALS if signal.member == member)
        self._registry.register(_Gauge(signal, read))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that an Accept header asks for, and its media type."""
        try:
            encode, media_type = choose_encoder(accept)
        except TypeError:  # the header's version is no number
            encode, media_type = choose_encoder("")
        return encode(self._registry), media_type


class _Count:
    """Updater of one signal's metric."""

    def __init__(self, signal: Signal, family: Family) -> None:
        self._member, self._labels, self._family = signal.member, signal.labels, family
        self._stage, self._unit = _stage(signal), _in_base_units(signal)
        self._add: dict[tuple[str, ...], Callable[[float], None]] = {}

    def take(self, record: Record) -> None:
        value = record.get(self._member)
        if isinstance(value, dict):
            for label, figure in value.items():
                self._adder({**record, "label": label})(figure)
        elif isinstance(value, list):
            add = self._adder(record)
            for figure in value:
                add(figure * self._unit)
        elif value is not None:
            self._adder(record)(value * self._unit)

    def _adder(self, record: Record) -> Callable[[float], None]:
        values = tuple([str(record.get(label, NONE)) for label in self._labels])
        if values not in self._add:
            labels = dict(zip(self._labels, values, strict=True))
            if "stage" in labels:
                labels["stage"] = self._stage
            child = self._family.labels(**labels)
            self._add[values] = child.inc if isinstance(child, Counter) else child.observe
        return self._add[values]


class _Gauge(Collector):
    def __init__(self, signal: Signal, read: Callable[[], Iterable[GaugeSample]]) -> None:
        self._signal, self._read = signal, read

    def collect(self) -> Iterator[Metric]:
        name, unit = PREFIX + self._signal.prometheus, _in_base_units(self._signal)
        family = GaugeMetricFamily(name, self._signal.description, labels=self._signal.labels)
        for labels, figure in self._read():
            family.add_metric(labels, figure * unit)
        yield family


def _family(signal: Signal, registry: CollectorRegistry) -> Family:
    name = PREFIX + signal.prometheus
    shared = [other for other in SIGNALS if other.prometheus == signal.prometheus]
    description = "; ".join(f"{_stage(other)}: {other.description}" for other in shared)
    if len(shared) == 1:
        description = signal.description
    if signal.kind == "counter":
        return Counter(name, description, signal.labels, registry=registry)
    buckets = BUCKETS.get(signal.prometheus, SECONDS)
    return Histogram(name, description, signal.labels, registry=registry, buckets=buckets)


def _stage(signal: Signal) -> str:
    """Return the value of a signal's label `stage`: of a request, or of a cascade."""
    return signal.member.removesuffix("_ms").removeprefix("texts_")


def _in_base_units(signal: Signal) -> float:
    """Return the factor from a member's unit to base units."""
    ends = (unit for ending, unit in UNITS.items() if signal.member.endswith(ending))
    return next(ends, 1.0)
