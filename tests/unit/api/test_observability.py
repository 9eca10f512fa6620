import json

import pytest

from function.api.observability import embed_metrics

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


def test_headers_tell_the_stages_and_the_version(client):
    answer = client.post("/v1/predict", json={"inputs": "good"})
    assert "inference;dur=" in answer.headers["server-timing"]
    assert answer.headers["x-model-version"] == answer.json()["model"]["version"]


def test_a_request_id_is_kept_or_made(client, log):
    given = client.get("/health/live", headers={"x-request-id": "abc"})
    made = client.get("/health/live")
    assert given.headers["x-request-id"] == "abc"
    assert log[1]["request_id"] == made.headers["x-request-id"] != ""


def test_a_crash_is_a_500_problem_with_its_reason_in_the_log_alone(client, log, catalog):
    def broken(*_):
        raise RuntimeError("wires crossed")

    catalog.load()._backend.run = broken
    answer = client.post("/v1/predict", json={"inputs": "good"})
    assert answer.status_code == 500
    assert "wires" not in answer.text
    assert log[0]["request_id"] in answer.json()["detail"]
    assert "wires crossed" in log[0]["error"]


def test_not_ready_is_503_with_retry_after(make_client):
    client = make_client(loaded=False)
    for answer in (client.get("/health/ready"), client.get("/v1/predict?text=good")):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert client.get("/health/live").status_code == 200


def test_embedded_metrics_name_their_units(capsys):
    embed_metrics({"model": "sentiment", "status": 200, "total_ms": 1.5, "tokens": 7})
    line = json.loads(capsys.readouterr().out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {"total_ms": "Milliseconds", "tokens": "Count"}
    assert directive["Dimensions"] == [["model"]]
    assert all(name in line for name in units)
