import asyncio
import json

import pytest

from function.api.app import create_app
from function.api.observability import encode_json
from function.core.engine import DirectEngine
from function.server.disconnects import DisconnectMiddleware
from function.settings import Settings, load_settings

SECRET = "good secret-of-mine"


def test_a_request_leaves_one_line_with_stages_and_no_text(client, log):
    client.post("/v1/predict", json={"inputs": [SECRET, "bad"]})
    (line,) = log
    assert line["route"] == "/v1/predict"
    assert line["status"] == 200
    assert (line["texts"], line["model"]) == (2, "sentiment")
    assert line["inference_ms"] > 0
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize(
    "body", [b'{"inputs": 5, "secret-of-mine": 1}', b'{"secret-of-mine', b'{"inputs": ""}']
)
def test_refused_requests_are_logged_without_their_body(client, log, body):
    client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    assert log[0]["status"] in (400, 422)
    assert "secret" not in json.dumps(log)


def test_an_unmatched_route_does_not_log_its_path(client, log):
    client.get("/secret-of-mine?text=secret-of-mine")
    assert log[0]["route"] == "unmatched"
    assert "secret" not in json.dumps(log)


def test_headers_name_the_stages_and_the_version(client):
    answer = client.post("/v1/predict", json={"inputs": "good"})
    assert "inference;dur=" in answer.headers["server-timing"]
    assert answer.headers["x-model-version"] == answer.json()["model"]["version"]


def test_a_request_id_is_kept_or_made(client, log):
    given = client.get("/health/live", headers={"x-request-id": "abc"})
    made = client.get("/health/live")
    assert given.headers["x-request-id"] == "abc"
    assert log[1]["request_id"] == made.headers["x-request-id"] != ""


@pytest.mark.parametrize("given", ["é" * 40, "a\tb", "\x7f"])
def test_a_request_id_that_no_header_may_hold_is_replaced(client, log, given):
    answer = client.get("/health/live", headers={"x-request-id": given.encode("latin-1")})
    assert answer.headers["x-request-id"].isalnum()
    assert log[0]["request_id"] == answer.headers["x-request-id"]


def test_a_crash_is_a_500_problem_with_its_reason_in_the_log_alone(client, log, catalog):
    def broken(*_):
        raise RuntimeError("wires crossed")

    catalog.load()._backend.run = broken
    answer = client.post("/v1/predict", json={"inputs": "good"})
    assert answer.status_code == 500
    assert "wires" not in answer.text
    assert log[0]["request_id"] in answer.json()["detail"]
    assert "wires crossed" in log[0]["error"]


def test_a_record_is_one_line_of_ascii_whatever_it_quotes():
    quoting = {"error": "ü\n\ud800", "labels": {"schön": 1}, "raised": ValueError("ü")}
    line = encode_json(quoting)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {**quoting, "raised": "ü"}
    plain = {"error": "ü", "total_ms": 0.125, "score": [], "model": None}
    assert encode_json(plain) == json.dumps(plain, separators=(",", ":"))


def test_not_ready_is_503_with_retry_after(make_client):
    client = make_client(loaded=False)
    for answer in (client.get("/health/ready"), client.get("/v1/predict?text=good")):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert client.get("/health/live").status_code == 200


def test_predictions_are_logged_by_label_score_and_margin(client, log):
    client.post("/v1/predict", json={"inputs": ["good", "bad film", "fine"]})
    (line,) = log
    assert line["labels"] == {"positive": 2, "negative": 1}
    assert line["score"] == [pytest.approx(0.982, abs=1e-3)] * 3
    assert line["margin"] == [pytest.approx(0.964, abs=1e-3)] * 3


def test_scores_are_the_same_whatever_was_asked_to_be_shown(client, log):
    client.post("/v1/predict", json={"inputs": "good"})
    client.post("/v1/predict", json={"inputs": "good", "parameters": {"top_k": 1}})
    for activation in ("none", "sigmoid"):
        parameters = {"function_to_apply": activation, "top_k": 1}
        client.post("/", json={"inputs": "good", "parameters": parameters})
    first, *others = [(line["labels"], line["score"], line["margin"]) for line in log]
    assert len(first[2]) == 1
    assert others == [first] * 3


def test_the_tokens_per_word_are_logged_for_each_text(client, log):
    client.post("/v1/predict", json={"inputs": ["good", "the film is fine"]})
    assert log[0]["tokens_per_word"] == [1, 1]


def test_explaining_is_timed_where_it_was_asked_for(client, log):
    client.post("/v1/predict", json={"inputs": "good"})
    client.post("/v1/predict", json={"inputs": "good", "parameters": {"explain": True}})
    assert "explanation_ms" not in log[0]
    assert log[1]["explanation_ms"] > 0


def test_a_client_that_hangs_up_leaves_a_line_of_its_own_status(catalog, log):
    asked = asyncio.Event()

    class Endless(DirectEngine):
        async def predict(self, model, texts, options):
            asked.set()
            await asyncio.sleep(60)

    async def receive():
        if not asked.is_set() and not received:
            received.append(True)
            return {"type": "http.request", "body": b'{"inputs": "good"}', "more_body": False}
        await asked.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("the client is gone")

    received = []
    catalog.load()
    settings = load_settings(Settings, {})
    app = create_app(Endless(catalog), settings, log.append, middleware=[DisconnectMiddleware])
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 5))
    (line,) = log
    assert (line["status"], line["level"], line["route"]) == (499, "info", "/v1/predict")
