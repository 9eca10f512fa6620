"""Each thing that is said to be measured is logged by a real process."""

import json
import time
import urllib.request
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from function.api.signals import SIGNALS
from tests.commands import REPOSITORY, run_python
from tests.embedded_metric_format import metrics_of
from tests.serving import running_server
from tests.tiny import CASCADE, write_artifact

pytestmark = pytest.mark.integration

BODY = {"inputs": ["good film", "dull"], "parameters": {"explain": True}}
PROGRAM = """
import json, sys
from function.lambda_handler import handler
for event in map(json.loads, sys.stdin):
    handler(event, None)
"""


class Reported(NamedTuple):
    """What a server reported: lines of its log, and Prometheus's metrics by name."""

    lines: list[str]
    samples: dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(folder / "sentiment", cascade=CASCADE)
    return folder


@pytest.fixture(scope="module")
def server(models):
    """A server that was asked, reported once and was stopped."""
    with running_server(models, METRICS_SECONDS="1", SERVICE="here") as server:
        post(server.url, BODY)
        time.sleep(2.5)
        post(server.url, BODY)
        exposed = urllib.request.urlopen(f"{server.url}/metrics", timeout=30).read()
        lines = server.stop()
    samples: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(exposed.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample.labels)
    return Reported(lines, samples)


@pytest.fixture(scope="module")
def function(models):
    """The lines of a Lambda that was asked, and warmed by the schedule."""
    asked = json.loads((REPOSITORY / "tests" / "events" / "http_api_v2.json").read_text())
    asked |= {"body": json.dumps(BODY), "isBase64Encoded": False}
    tick = json.loads((REPOSITORY / "tests" / "events" / "scheduled.json").read_text())
    done = run_python(
        *("-c", PROGRAM),
        stdin="\n".join(map(json.dumps, [asked, tick])),
        MODELS_DIR=str(models),
        AWS_LAMBDA_FUNCTION_NAME="evergreen-dev",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def post(url, body):
    request = urllib.request.Request(
        f"{url}/v1/predict",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def embedded(lines):
    """Of each line that CloudWatch reads: {name: (unit, dimensions, value)}"""
    return [metrics_of(line) for line in lines if "_aws" in line]


@pytest.mark.parametrize("spec", SIGNALS, ids=lambda spec: spec.member)
def test_it_is_logged_with_its_unit_and_labels(spec, server, function):
    names = ["label_positive", "label_negative"] if spec.member == "labels" else [spec.member]
    sources = {
        "request": embedded(function)[:1],
        "load": embedded(server.lines),
        "age": [*embedded(function)[1:], *embedded(server.lines)],
    }
    for line in spec.lines:
        for name in names:
            found = [metrics[name][:2] for metrics in sources[line] if name in metrics]
            assert found, f"{name} is in no {line} line"
            assert set(map(str, found)) == {str((spec.unit, [list(spec.dimensions)]))}
    if spec.kind:
        ending = "_count" if spec.kind == "histogram" else ""
        samples = server.samples[f"evergreen_{spec.prometheus}{ending}"]
        assert {frozenset(labels) for labels in samples} == {frozenset(spec.labels)}


def test_nothing_is_reported_that_is_not_in_the_table(server, function):
    known = {spec.member for spec in SIGNALS} | {"label_positive", "label_negative"}
    for metrics in embedded([*server.lines, *function]):
        assert metrics.keys() <= known
    ours = {name for name in server.samples if name.startswith("evergreen_")}
    families = {f"evergreen_{spec.prometheus}" for spec in SIGNALS if spec.kind}
    endings = ("_bucket", "_count", "_sum", "_created")
    for name in ours:
        stem = next((name.removesuffix(end) for end in endings if name.endswith(end)), name)
        assert {stem, f"{stem}_total"} & families, name


def test_reports_add_up_to_what_was_asked_and_the_last_one_comes_at_the_end(server):
    loads = [metrics for metrics in embedded(server.lines) if "queue_windows" in metrics]
    assert len(loads) >= 3
    assert sum(load["requests"][2] for load in loads) == 2
    assert sum(len(load.get("total_ms", (0, 0, []))[2]) for load in loads) == 2
    last = [json.loads(line) for line in server.lines][-2:]
    assert [line["route"] for line in last] == ["load", "load"]
    assert {line["service"] for line in last} == {"here"}


def test_without_an_interval_a_server_reports_nothing(models):
    with running_server(models) as server:
        assert not embedded(server.stop())


def test_a_lambda_is_distinguished_by_its_name(function):
    lines = [json.loads(line) for line in function]
    assert [line["service"] for line in lines] == ["evergreen-dev"] * 2
    assert [line.get("cold_start") for line in lines] == [1, None]
