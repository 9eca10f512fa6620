"""The table of signals, and its copy in the documentation."""

import re

import pytest

from function.api.signals import SIGNALS
from tests.commands import REPOSITORY

PAGE = REPOSITORY / "docs" / "metrics.md"
LABELS = 2  # of the bundled model


def rendered():
    """The table as the documentation shows it."""
    rows = ["| signal | is | CloudWatch | Prometheus |", "| --- | --- | --- | --- |"]
    for signal in SIGNALS:
        kept = f"{', '.join(signal.lines)}; {' × '.join(signal.dimensions)}; {signal.unit}"
        labels = f"{{{', '.join(signal.labels)}}}" if signal.labels else ""
        metric = f"`evergreen_{signal.prometheus}{labels}`"
        cells = (
            f"`{signal.member}`",
            signal.description,
            kept if signal.lines else "",
            metric if signal.kind else "",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def count(line):
    """The metrics that CloudWatch charges for one deployment of one model."""
    signals = [signal for signal in SIGNALS if {line, "age"} & set(signal.lines)]
    return len(signals) + sum(LABELS - 1 for signal in signals if signal.member == "labels")


def test_the_documentation_shows_the_table():
    assert rendered() in PAGE.read_text(), f"put this into {PAGE.name}:\n{rendered()}"


@pytest.mark.parametrize(("line", "where"), [("request", "on Lambda"), ("load", "on the server")])
def test_the_documentation_says_what_is_paid_for(line, where):
    metrics = count(line)
    said = f"{where} {metrics} metrics, ${0.3 * metrics:.2f} a month"
    assert said in " ".join(PAGE.read_text().split()), said


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.member)
def test_names_follow_the_customs_of_prometheus(signal):
    if not signal.kind:
        assert not signal.prometheus
        return
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", signal.prometheus)
    assert signal.prometheus.endswith("_total") == (signal.kind == "counter")
    in_seconds = signal.member.endswith(("_ms", "_days"))
    assert signal.prometheus.endswith("_seconds") == in_seconds


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.member)
def test_cloudwatch_keeps_by_something_that_does_not_grow(signal):
    assert bool(signal.lines) == bool(signal.dimensions)
    assert set(signal.dimensions) <= {"service", "model"}
    assert signal.kind or signal.lines, "reported nowhere"


def test_members_are_distinct():
    assert len({signal.member for signal in SIGNALS}) == len(SIGNALS)


def test_what_shares_a_metric_has_its_labels():
    for signal in SIGNALS:
        for other in SIGNALS:
            if signal.prometheus and signal.prometheus == other.prometheus:
                assert (signal.kind, signal.labels) == (other.kind, other.labels)
                assert signal is other or "stage" in signal.labels
