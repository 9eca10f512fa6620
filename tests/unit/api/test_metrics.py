import hashlib

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings

KEY = "correct horse"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


def exposition(accept):
    return f"asked for {accept}".encode(), "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def make_server(catalog):
    """A client of the application as a server has it."""

    def make(**environment):
        catalog.load()
        settings = load_settings(Settings, environment)
        app = create_app(DirectEngine(catalog), settings, print, exposition=exposition)
        return TestClient(app)

    return make


def test_the_metrics_come_in_the_format_that_was_asked_for(make_server):
    answer = make_server().get("/metrics", headers={"accept": "text/plain"})
    assert answer.text == "asked for text/plain"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_they_want_the_key_that_predictions_want(make_server):
    server = make_server(AUTH="key", API_KEY_SHA256=DIGEST)
    assert server.get("/metrics").status_code == 401
    assert server.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 403
    assert server.get("/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 200


def test_they_are_documented_where_they_are(make_server):
    server = make_server()
    responses = server.get("/openapi.json").json()["paths"]["/metrics"]["get"]["responses"]
    assert set(responses["200"]["content"]) == {"text/plain", "application/openmetrics-text"}
    assert {"401", "403"} <= set(responses)


def test_where_nothing_is_exposed_there_is_no_such_route(client):
    assert client.get("/metrics").status_code == 404
    assert "/metrics" not in client.get("/openapi.json").json()["paths"]
