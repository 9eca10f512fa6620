"""What is measured: the one table behind CloudWatch's metrics, Prometheus's and the documentation.

Both are fed with records: the line of a request, what a batch was, how a server stands.
"""

from typing import Literal, NamedTuple

Unit = Literal["Count", "Milliseconds", "None"]
Kind = Literal["", "counter", "gauge", "histogram"]
Line = Literal["request", "load", "age"]


class Signal(NamedTuple):
    """One thing that is measured.

    member: of a record; a number, one number a text, or a number by label. unit: of the member.
    prometheus, kind, labels: the metric there, in base units; empty where others tell the same.
    lines: those from which CloudWatch takes it, under the member's name: of each request on
    Lambda, of a server's load, of a model's age. by: the dimensions there.
    """

    member: str
    means: str
    unit: Unit
    prometheus: str = ""
    kind: Kind = ""
    labels: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    by: tuple[str, ...] = ()


SERVICE, SERVED = ("service",), ("service", "model")
MODEL = ("model", "version")


def _service(member: str, means: str, *lines: Line) -> Signal:
    """What CloudWatch alone is told."""
    return Signal(member, means, "Count", lines=lines, by=SERVICE)


def _stage(stage: str, means: str, *lines: Line) -> Signal:
    labels, by = ("stage", *MODEL), SERVED if lines else ()
    member, metric = f"{stage}_ms", "stage_seconds"
    return Signal(member, means, "Milliseconds", metric, "histogram", labels, lines, by)


def _count(member: str, means: str) -> Signal:
    metric = f"{member}_total"
    return Signal(member, means, "Count", metric, "counter", MODEL, ("request",), SERVED)


def _of_each_text(member: str, means: str) -> Signal:
    return Signal(member, means, "None", member, "histogram", MODEL, ("request",), SERVED)


def _batch(size: str, means: str) -> Signal:
    return Signal(f"batch_{size}", means, "Count", f"batch_{size}", "histogram", MODEL)


SIGNALS = (
    Signal(
        member="requests",
        means="requests",
        unit="Count",
        prometheus="requests_total",
        kind="counter",
        labels=("route", "method", "status", *MODEL),
        lines=("request", "load"),
        by=SERVICE,
    ),
    _service("errors", "of them, those answered with 500 or above", "request", "load"),
    _service("refused", "of them, those that found the queue full: 429", "load"),
    _service("cold_start", "1 for the first that a process answers, else 0", "request"),
    Signal(
        member="total_ms",
        means="from a request to its answer",
        unit="Milliseconds",
        prometheus="request_seconds",
        kind="histogram",
        labels=("route", *MODEL),
        lines=("request", "load"),
        by=SERVICE,
    ),
    _stage("tokenization", "from text to windows of tokens", "request"),
    _stage("queue", "waiting for a turn of the model"),
    _stage("inference", "the model", "request"),
    _stage("decoding", "from logits to predictions", "request"),
    _stage("explanation", "weighing words, where that was asked for", "request"),
    _count("texts", "texts that were answered"),
    _count("tokens", "tokens of them"),
    _count("windows", "windows of them"),
    Signal(
        member="labels",
        means="texts by predicted label, or entities by theirs",
        unit="Count",
        prometheus="predictions_total",
        kind="counter",
        labels=("label", *MODEL),
        lines=("request",),
        by=SERVED,
    ),
    _of_each_text(
        "score", "of a text: its label's probability, or the mean of its entities' scores"
    ),
    _of_each_text("margin", "from that probability to the second label's"),
    _of_each_text("tokens_per_word", "of a text: into how many pieces its words fall"),
    _batch("windows", "windows that the model read at once"),
    _batch("tokens", "tokens of them"),
    _batch("padded_tokens", "tokens of them and the padding between"),
    Signal(
        member="batch_ms",
        means="how long the model read them",
        unit="Milliseconds",
        prometheus="batch_seconds",
        kind="histogram",
        labels=MODEL,
    ),
    Signal(
        member="batch_failures",
        means="times that it failed",
        unit="Count",
        prometheus="batch_failures_total",
        kind="counter",
        labels=MODEL,
    ),
    Signal(
        member="queue_windows",
        means="windows that wait for a turn of the model",
        unit="Count",
        prometheus="queue_windows",
        kind="gauge",
        lines=("load",),
        by=SERVICE,
    ),
    _service(
        "queue_windows_max", "the most that waited behind a batch, since the last line", "load"
    ),
    Signal(
        member="model_age_days",
        means="since a model that is loaded was made",
        unit="None",
        prometheus="model_age_seconds",
        kind="gauge",
        labels=MODEL,
        lines=("age",),
        by=SERVED,
    ),
    Signal(
        member="model_info",
        means="1 for each model that is served",
        unit="None",
        prometheus="model_info",
        kind="gauge",
        labels=(*MODEL, "digest", "task"),
    ),
)
