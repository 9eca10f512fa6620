"""`/predict` of text-embeddings-inference, as its router answers it."""

import hashlib
import json
import math

import pytest

from function.api.problems import MEDIA_TYPE
from function.core.errors import OverloadedError, PredictionError

JSON = {"content-type": "application/json"}
CONFIDENT = 1 / (1 + math.exp(-4))


def predict(client, inputs, **members):
    return client.post("/predict", json={"inputs": inputs, **members})


def labels(predictions):
    return [entry["label"] for entry in predictions]


@pytest.mark.parametrize("inputs", ["good", ["good"]])
def test_one_text_is_answered_with_a_flat_list_best_first(client, inputs):
    answer = predict(client, inputs).json()
    assert answer == [
        {"score": pytest.approx(CONFIDENT), "label": "positive"},
        {"score": pytest.approx(1 - CONFIDENT), "label": "negative"},
    ]


def test_a_batch_is_answered_with_a_list_for_each_text_in_their_order(client):
    answer = predict(client, [["bad"], ["good"], ["bad"]]).json()
    assert [labels(predictions)[0] for predictions in answer] == [
        "negative",
        "positive",
        "negative",
    ]


def test_a_batch_of_one_is_still_a_list_of_lists(client):
    assert predict(client, [["good"]]).json() == [predict(client, "good").json()]


def test_raw_scores_are_logits(client):
    answer = predict(client, "good", raw_scores=True).json()
    assert {entry["label"]: entry["score"] for entry in answer} == {
        "positive": 2.0,
        "negative": -2.0,
    }


PAIRS = {
    "a pair": ["good", "bad"],
    "a batch of pairs": [["good", "bad"], ["bad", "good"]],
    "a batch of texts and pairs": [["good"], ["bad", "good"]],
}
FORMS = {
    "three texts": ["good", "bad", "good"],
    "texts and lists": ["good", ["bad"]],
    "nothing": [],
    "an empty list": [[]],
    "an empty text": "",
    "an empty text in a batch": [["good"], [""]],
    "a number": 5,
    "null": None,
    "deeper lists": [[["good"]]],
    "half a surrogate pair": "\ud800",
    "half a surrogate pair in a batch": [["\ud800"]],
}


@pytest.mark.parametrize("inputs", (PAIRS | FORMS).values(), ids=(PAIRS | FORMS).keys())
def test_anything_but_single_texts_is_refused_with_the_form_to_send(client, inputs):
    body = json.dumps({"inputs": inputs}).encode()
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == 422
    problem = answer.json()
    assert '[["one"], ["another"]]' in problem["error"]
    assert "pairs" in problem["error"]
    assert problem["error_type"] == "Validation"


LONG = "good " * 6 + "bad " * 30  # a window of the tiny model holds six words


@pytest.mark.parametrize(
    ("members", "best"),
    [
        ({"truncate": True}, "positive"),
        ({"truncate": True, "truncation_direction": "right"}, "positive"),
        ({"truncate": False}, "negative"),
        ({"truncate": False, "truncation_direction": "Left"}, "negative"),
        ({"truncate": None}, "negative"),
        ({}, "negative"),
    ],
)
def test_a_long_text_is_cut_or_read_in_windows(client, members, best):
    assert labels(predict(client, LONG, **members).json())[0] == best


def test_without_truncation_what_no_windows_hold_is_refused(client):
    text = "the " * 100
    assert predict(client, text).status_code == 200
    answer = predict(client, [["good"], [text]], truncate=False)
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("text 1 has 100 tokens, more than 16 windows hold")
    assert answer.json()["error_type"] == "Validation"


@pytest.mark.parametrize("direction", ["Left", "left"])
def test_cutting_at_the_start_is_refused(client, direction):
    answer = predict(client, "good", truncate=True, truncation_direction=direction)
    assert answer.status_code == 422
    assert "'Right'" in answer.json()["error"]


@pytest.mark.parametrize(
    "member", [{"truncate": "often"}, {"raw_scores": 7}, {"truncation_direction": "Up"}]
)
def test_a_wrong_member_is_named(client, member):
    answer = predict(client, "good", **member)
    assert answer.status_code == 422
    assert next(iter(member)) in answer.json()["error"]


def test_other_members_are_ignored(client):
    assert predict(client, "good", normalize=True).json() == predict(client, "good").json()


def test_headers_hold_the_figures_of_the_request(client, log):
    headers = predict(client, [["good film"], ["bad é"]]).headers
    assert headers["x-compute-characters"] == "14"
    assert headers["x-compute-tokens"] == "4"
    for name in ("compute", "total", "tokenization", "queue", "inference"):
        assert headers[f"x-{name}-time"].isdecimal()
    assert int(headers["x-total-time"]) <= log[0]["total_ms"]
    assert headers["x-model-version"] == log[0]["version"]


@pytest.mark.parametrize(
    ("error", "status", "error_type", "retry_after"),
    [
        (OverloadedError("9 windows are waiting", retry_after=3), 429, "Overloaded", "3"),
        (PredictionError("wires crossed"), 500, "Backend", None),
    ],
)
def test_failures_carry_the_error_type(
    client, catalog, monkeypatch, error, status, error_type, retry_after
):
    def fail(*_):
        raise error

    monkeypatch.setattr(catalog.load(), "predict", fail)
    answer = predict(client, "good")
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    problem = answer.json()
    assert problem["error_type"] == error_type
    assert problem["error"] == problem["detail"]
    assert problem["status"] == status
    assert answer.headers.get("retry-after") == retry_after
    assert "wires" not in answer.text


def test_a_model_that_is_being_loaded_is_503(make_client):
    answer = predict(make_client(loaded=False), "good")
    assert (answer.status_code, answer.json()["error_type"]) == (503, "Unhealthy")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": [["good"]] * 200}, "at most 128"),
        ({"inputs": "x" * 60_000}, "at most 50000"),
        ({"inputs": [["the " * 60]] * 10}, "windows"),
    ],
)
def test_too_much_is_413(client, body, said):
    answer = client.post("/predict", json=body)
    assert (answer.status_code, answer.json()["error_type"]) == (413, "Validation")
    assert said in answer.json()["error"]


def test_a_body_that_is_no_json_is_400(client):
    answer = client.post("/predict", content=b'{"inputs', headers=JSON)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "Validation")


def test_a_key_is_asked_for(make_client):
    client = make_client(AUTH="key", API_KEY_SHA256=hashlib.sha256(b"key").hexdigest())
    statuses = [
        client.post("/predict", json={"inputs": "good"}, headers=headers).status_code
        for headers in ({}, {"authorization": "Bearer k"}, {"authorization": "Bearer key"})
    ]
    assert statuses == [401, 403, 200]
