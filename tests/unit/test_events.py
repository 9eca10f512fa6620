"""Every event is answered with a status: requests by the application, others with 400."""

import json

import pytest

from function.events import MAX_ANSWER_BYTES, _delivered_bytes
from tests.unit.test_lambda_handler import CONTEXT, event, imported

RECORDED = ["http_api_v2", "rest_api_v1", "rest_api_v1_stage_prefix", "function_url", "alb"]
ODD_HOSTS = ["[2001:db8::1]", "[2001:db8::1]:443", "x:abc", "a:1:2", "", ":"]


@pytest.fixture(scope="module")
def handler(tmp_path_factory):
    with imported(tmp_path_factory.mktemp("models")) as handler:
        yield handler


def status(answer):
    assert isinstance(answer["body"], str)
    return answer["statusCode"]


def test_a_direct_invocation_is_answered_as_v1_predict_is(handler):
    asked = {"inputs": "good film", "parameters": {"top_k": 1}}
    direct = handler(asked, CONTEXT)
    over_http = handler({**event("http_api_v2"), "body": json.dumps(asked)}, CONTEXT)
    assert (status(direct), status(over_http)) == (200, 200)
    predictions = json.loads(direct["body"])["predictions"]
    assert predictions == json.loads(over_http["body"])["predictions"]
    assert len(predictions[0]["scores"]) == 1


def test_a_direct_invocation_needs_the_key_and_may_bring_it(tmp_path):
    key = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"  # of hunter2
    with imported(tmp_path / "models", AUTH="key", API_KEY_SHA256=key) as handler:
        assert status(handler({"inputs": "good"}, CONTEXT)) == 401
        keyed = {"inputs": "good", "headers": {"Authorization": "Bearer hunter2"}}
        assert status(handler(keyed, CONTEXT)) == 200


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"inputs": ""}, 422),
        ({"inputs": "good", "extra": 1}, 422),
        ({"inputs": None}, 422),
        ({}, 400),
        ({"text": "good"}, 400),
        ("good", 400),
        (None, 400),
        ([1], 400),
        ({"Records": [{"eventSource": "aws:sqs", "body": "good"}]}, 400),
        ({"Records": [{"cf": {"request": {}}}]}, 400),
        ({"requestContext": {}}, 400),
        ({"requestContext": None, "version": "2.0"}, 400),
    ],
)
def test_another_event_is_a_problem_and_no_failure(handler, asked, wanted):
    answer = handler(asked, CONTEXT)
    assert status(answer) == wanted
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["status"] == wanted


@pytest.mark.parametrize("host", ODD_HOSTS)
@pytest.mark.parametrize("name", RECORDED)
def test_a_host_or_port_that_cannot_be_read_is_answered(handler, name, host):
    asked = event(name)
    asked["headers"] = {**asked["headers"], "host": host, "x-forwarded-port": "443, 80"}
    if "multiValueHeaders" in asked:
        asked["multiValueHeaders"] |= {"Host": [host], "X-Forwarded-Port": ["443, 80"]}
    assert status(handler(asked, CONTEXT)) == 200


@pytest.mark.parametrize("body", ["a", "eyJpbnB1dHMiOiAiZ29vZCJ9 and more!"])
@pytest.mark.parametrize("name", RECORDED)
def test_bad_base64_is_the_caller_s_mistake(handler, name, body):
    answer = handler({**event(name), "body": body, "isBase64Encoded": True}, CONTEXT)
    assert status(answer) == 400
    assert "no base64" in answer["body"]


@pytest.mark.parametrize(
    ("path", "stage", "domain", "wanted"),
    [
        ("/dev/v1/predict", "dev", "a1.execute-api.us-east-1.amazonaws.com", 200),
        ("/dev/v1/predict/", "dev", "a1.execute-api.us-east-1.amazonaws.com", 200),
        ("/v1/v1/predict", "v1", "a1.execute-api.us-east-1.amazonaws.com", 200),
        ("/v1/predict", "v1", "api.example.com", 200),
        ("/dev/v1/predict", "dev", "api.example.com", 404),
        ("/devil", "dev", "a1.execute-api.us-east-1.amazonaws.com", 404),
    ],
)
def test_a_stage_is_removed_where_a_path_begins_with_it(handler, path, stage, domain, wanted):
    asked = event("http_api_v2")
    asked["requestContext"] |= {"stage": stage, "domainName": domain}
    asked["requestContext"]["http"]["path"] = path
    assert status(handler(asked, CONTEXT)) == wanted
    old = {**event("rest_api_v1"), "version": "1.0", "path": path}
    old["requestContext"] |= {"stage": stage, "domainName": domain}
    assert status(handler(old, CONTEXT)) == wanted


def test_a_base_path_precedes_every_route_and_may_be_absent(tmp_path):
    with imported(tmp_path / "models", BASE_PATH="/text/api") as handler:
        for path in ("/text/api/v1/predict", "/text/api/v1/predict/", "/v1/predict", "/text/api"):
            asked = event("http_api_v2")
            asked["requestContext"]["http"]["path"] = path
            assert status(handler(asked, CONTEXT)) == 200
        assert status(handler({"inputs": "good"}, CONTEXT)) == 200


def test_a_content_type_sent_twice_counts_once(handler):
    asked = event("http_api_v2")
    asked["headers"]["content-type"] = "application/json, application/json"
    assert status(handler(asked, CONTEXT)) == 200
    asked["headers"]["content-type"] = "application/json, text/plain"
    assert status(handler(asked, CONTEXT)) == 415


def test_an_answer_that_lambda_would_not_deliver_is_413_in_log_and_answer(tmp_path, capsys):
    with imported(
        tmp_path / "models", MAX_BODY_BYTES="8000000", MAX_TEXTS="50000", MAX_WINDOWS="50000"
    ) as handler:
        answer = handler({"inputs": ["good"] * 40_000}, CONTEXT)
    assert status(answer) == 413
    assert "send fewer texts" in json.loads(answer["body"])["detail"]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == 413
    assert len(json.dumps(answer)) < MAX_ANSWER_BYTES


def test_a_large_body_is_read_without_a_pause_for_others(handler, monkeypatch):
    monkeypatch.setattr("function.api.body._take_turns", lambda *_: pytest.fail("nobody waits"))
    assert status(handler({"inputs": ["good" + " " * 700] * 100}, CONTEXT)) == 200


@pytest.mark.parametrize(("size", "fits"), [(4_400_000, True), (4_600_000, False)])
def test_a_binary_answer_counts_as_base64(size, fits):
    start = {"headers": [(b"content-type", b"application/octet-stream")]}
    assert (_delivered_bytes(b"\xff" * size, start) < MAX_ANSWER_BYTES) == fits


def test_a_refused_event_is_logged_and_counted_without_what_it_holds(handler, capsys):
    handler({"secret": "zeppelin"}, CONTEXT)
    line = capsys.readouterr().out.splitlines()[-1]
    assert (json.loads(line)["status"], json.loads(line)["requests"]) == (400, 1)
    assert "zeppelin" not in line
