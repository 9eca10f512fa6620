"""The application as the server has it, with all that watches it."""

import json
import random
import string

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from function.api.app import create_app
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine
from function.server.settings import ServerSettings
from function.server.signals import ServerSignals
from function.settings import load_settings
from tests.embedded_metric_format import metrics_of

CANARY = "canary-4711"


@pytest.fixture
def signals():
    return ServerSignals("here")


@pytest.fixture
def client(signals, catalog):
    engine = BatchingEngine(
        catalog, lambda _: BatchLimits(64, 4, 0.001), calls=1, queue=100, watch=signals.record_batch
    )
    signals.attach(engine)
    signals.add_model(catalog.load().artifact)
    app = create_app(
        engine,
        load_settings(ServerSettings, {}),
        signals.record_request,
        exposition=signals.exposition,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def series(client):
    """Every exposed set of labels, except the process's and start times."""
    text = client.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("evergreen_")
    }


def test_a_report_holds_the_load_and_the_age_of_models(client, signals, capsys):
    client.post("/v1/predict", json={"inputs": ["good", "bad"]})
    client.get("/health/ready")
    capsys.readouterr()
    signals.report()
    load, age = map(metrics_of, capsys.readouterr().out.splitlines())
    assert {name: value for name, (_, _, value) in load.items() if name != "total_ms"} == {
        "requests": 1,
        "errors": 0,
        "refused": 0,
        "queue_windows": 0,
        "queue_windows_max": 0,
    }
    assert len(load["total_ms"][2]) == 1
    assert load["queue_windows"][1] == [["service"]]
    assert age["model_age_days"][1] == [["service", "model"]]
    assert age["model_age_days"][2] > 0


def test_an_idle_server_reports_no_latency(client, signals, capsys):
    signals.report()
    load = metrics_of(capsys.readouterr().out.splitlines()[0])
    assert "total_ms" not in load
    assert load["requests"][2] == 0


def test_a_thousand_random_paths_are_as_many_series_as_one(client):
    chance = random.Random(0)

    def word():
        return "".join(chance.choices(string.ascii_letters + string.digits, k=12))

    shapes = [
        "/{}",
        "/v1/{}",
        "/v1/models/{}/predict",
        "/models/{}",
        "/v2/models/{}/infer",
        "/web/{}",
    ]
    methods = ["GET", "POST", "BREW"]

    def ask(shape, method):
        client.request(method, shape.format(word()), json={"inputs": word()})

    client.post("/v1/predict", json={"inputs": "good"})
    client.get("/metrics")
    for shape in shapes:
        for method in methods:
            ask(shape, method)
    before = series(client)
    for _ in range(1000):
        ask(chance.choice(shapes), chance.choice(methods))
    assert series(client) == before
    routes = {dict(labels).get("route") for _, labels in before}
    assert {"unmatched", "/v1/models/{model}/predict"} <= routes


BODIES = st.sampled_from(
    [
        {"inputs": f"good {CANARY}"},
        {"inputs": [CANARY, f"bad {CANARY}"], "parameters": {"explain": True}},
        {"inputs": f"{CANARY} " * 40, "parameters": {"top_k": 1}},
        {"inputs": [CANARY, ""]},
        {"inputs": [[CANARY]]},
        {"inputs": {CANARY: CANARY}},
        {"inputs": f"\ud800{CANARY}"},
        {"inputs": "good", "parameters": {CANARY: CANARY}},
        {"inputs": "good", CANARY: 1},
        {"parameters": {"long_text": CANARY}, "inputs": "good"},
        [CANARY],
        CANARY,
    ]
)
PATHS = st.sampled_from(
    [
        "/",
        "/predict",
        "/v1/predict",
        "/v1/models/sentiment/predict",
        f"/v1/models/{CANARY}/predict",
        f"/models/{CANARY}",
        f"/v2/models/{CANARY}/infer",
        f"/v1/predict?text=good%20{CANARY}",
        f"/v1/predict?{CANARY}=1",
        f"/{CANARY}",
    ]
)


@given(
    path=PATHS,
    method=st.sampled_from(["GET", "POST", "PUT"]),
    body=BODIES,
    damaged=st.integers(0, 12),
    broken=st.booleans(),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_was_sent_is_in_no_line_and_no_label(
    client, signals, catalog, capsys, path, method, body, damaged, broken
):
    backend = catalog.load()._backend
    run = backend.run
    if broken:
        backend.run = None  # every call of the model fails
    content = json.dumps(body)
    try:
        client.request(
            method,
            path,
            content=content[: len(content) - damaged],
            headers={"content-type": "application/json", "user-agent": CANARY},
        )
    finally:
        backend.run = run
    signals.report()
    written = capsys.readouterr().out + client.get("/metrics").text
    assert '"route"' in written
    assert CANARY not in written
