"""Table of everything that is measured, for CloudWatch, Prometheus and the documentation.

All of them take values from records: the log line of a request, a batch, the load of a server.
"""

from typing import Literal, NamedTuple

Unit = Literal["Count", "Milliseconds", "None"]
MetricKind = Literal["", "counter", "gauge", "histogram"]
LineKind = Literal["request", "load", "age"]


class Signal(NamedTuple):
    """Measured quantity.

    Attributes:
        member: Member of a record: a number, a list with one number per text, or numbers by label.
        description: Text for people and for Prometheus's HELP.
        prometheus: Name of the metric there, in base units; empty if there is none.
        labels: Labels of the metric in Prometheus.
        lines: Log lines from which CloudWatch reads it: requests on Lambda, a server's load, a
            model's age.
        dimensions: Dimensions in CloudWatch.
    """

    member: str
    description: str
    unit: Unit
    prometheus: str = ""
    kind: MetricKind = ""
    labels: tuple[str, ...] = ()
    lines: tuple[LineKind, ...] = ()
    dimensions: tuple[str, ...] = ()


SERVICE, SERVED = ("service",), ("service", "model")
MODEL = ("model", "version")


def _service_signal(member: str, description: str, *lines: LineKind) -> Signal:
    """Return a count that CloudWatch alone has."""
    return Signal(member, description, "Count", lines=lines, dimensions=SERVICE)


def _stage_signal(stage: str, description: str, *lines: LineKind) -> Signal:
    labels, dimensions = ("stage", *MODEL), SERVED if lines else ()
    member, metric = f"{stage}_ms", "stage_seconds"
    return Signal(
        member, description, "Milliseconds", metric, "histogram", labels, lines, dimensions
    )


def _counter(member: str, description: str) -> Signal:
    metric = f"{member}_total"
    return Signal(member, description, "Count", metric, "counter", MODEL, ("request",), SERVED)


def _texts_signal(stage: str, description: str, *lines: LineKind) -> Signal:
    """Return the count of texts that one stage of a cascade answered."""
    labels, dimensions = ("stage", *MODEL), SERVED if lines else ()
    member, metric = f"texts_{stage}", "texts_total"
    return Signal(member, description, "Count", metric, "counter", labels, lines, dimensions)


def _text_signal(member: str, description: str) -> Signal:
    return Signal(member, description, "None", member, "histogram", MODEL, ("request",), SERVED)


def _batch_signal(size: str, description: str) -> Signal:
    return Signal(f"batch_{size}", description, "Count", f"batch_{size}", "histogram", MODEL)


SIGNALS = (
    Signal(
        member="requests",
        description="requests",
        unit="Count",
        prometheus="requests_total",
        kind="counter",
        labels=("route", "method", "status", *MODEL),
        lines=("request", "load"),
        dimensions=SERVICE,
    ),
    _service_signal("errors", "requests answered with 500 or above", "request", "load"),
    _service_signal("refused", "requests refused with 429: the queue was full", "load"),
    _service_signal("cold_start", "1 for the first request of a process, else 0", "request"),
    Signal(
        member="total_ms",
        description="from request to answer",
        unit="Milliseconds",
        prometheus="request_seconds",
        kind="histogram",
        labels=("route", *MODEL),
        lines=("request", "load"),
        dimensions=SERVICE,
    ),
    _stage_signal("tokenization", "from text to windows of tokens", "request"),
    _stage_signal("queue", "wait for the model"),
    _stage_signal("inference", "model calls", "request"),
    _stage_signal("decoding", "from logits to predictions", "request"),
    _stage_signal("explanation", "weighing words, if asked for", "request"),
    Signal("texts", "answered texts", "Count", lines=("request",), dimensions=SERVED),
    _texts_signal("first", "texts that the first stage of a cascade answered alone", "request"),
    _texts_signal("full", "texts that the full model answered"),
    _counter("tokens", "tokens of answered texts"),
    _counter("windows", "windows of answered texts"),
    Signal(
        member="labels",
        description="texts by predicted label, or entities by label",
        unit="Count",
        prometheus="predictions_total",
        kind="counter",
        labels=("label", *MODEL),
        lines=("request",),
        dimensions=SERVED,
    ),
    _text_signal("score", "probability of a text's label, or mean score of its entities"),
    _text_signal("margin", "probability of a text's label, minus the second label's"),
    _text_signal("tokens_per_word", "mean tokens per word of a text"),
    _batch_signal("windows", "windows of a batch"),
    _batch_signal("tokens", "tokens of a batch"),
    _batch_signal("padded_tokens", "tokens of a batch, padding included"),
    Signal(
        member="batch_ms",
        description="duration of a batch's model call",
        unit="Milliseconds",
        prometheus="batch_seconds",
        kind="histogram",
        labels=MODEL,
    ),
    Signal(
        member="batch_failures",
        description="failed model calls",
        unit="Count",
        prometheus="batch_failures_total",
        kind="counter",
        labels=MODEL,
    ),
    Signal(
        member="queue_windows",
        description="windows that wait for the model",
        unit="Count",
        prometheus="queue_windows",
        kind="gauge",
        lines=("load",),
        dimensions=SERVICE,
    ),
    _service_signal("queue_windows_max", "most windows that waited, since the last line", "load"),
    Signal(
        member="model_age_days",
        description="time since a loaded model was created",
        unit="None",
        prometheus="model_age_seconds",
        kind="gauge",
        labels=MODEL,
        lines=("age",),
        dimensions=SERVED,
    ),
    Signal(
        member="model_info",
        description="1 for each served model",
        unit="None",
        prometheus="model_info",
        kind="gauge",
        labels=(*MODEL, "digest", "task"),
    ),
)
