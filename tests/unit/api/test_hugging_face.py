"""The Inference schema on the wire; the integration tests use the real client."""

import hashlib
import json
import math

import pytest

from function.core.errors import OverloadedError, PredictionError

KEY = "correct horse"
JSON = {"content-type": "application/json"}


def infer(client, inputs, path="/", **parameters):
    return client.post(path, json={"inputs": inputs, "parameters": parameters})


def scores(answer):
    assert answer.status_code == 200, answer.text
    return [{entry["label"]: entry["score"] for entry in text} for text in answer.json()]


def test_one_text_is_answered_with_a_list_of_lists(client):
    (labels,) = infer(client, "bad").json()
    assert [entry["label"] for entry in labels] == ["negative", "positive"]
    assert labels[0]["score"] == pytest.approx(1 / (1 + math.exp(-4)))
    assert labels[0].keys() == {"label", "score"}


def test_texts_are_answered_with_a_list_each_in_their_order(client):
    answer = infer(client, ["bad", "good"], top_k=1).json()
    assert [[entry["label"] for entry in labels] for labels in answer] == [
        ["negative"],
        ["positive"],
    ]


def test_a_named_model_answers(client):
    named = infer(client, "good", "/models/sentiment")
    assert scores(named) == scores(infer(client, "good"))


@pytest.mark.parametrize(
    ("function", "positive", "negative"),
    [
        ("softmax", 1 / (1 + math.exp(-4)), 1 / (1 + math.exp(4))),
        ("sigmoid", 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))),
        ("none", 2.0, -2.0),
    ],
)
def test_scores_are_made_by_the_function_that_was_asked_for(client, function, positive, negative):
    (labels,) = scores(infer(client, "good", function_to_apply=function))
    assert labels == pytest.approx({"positive": positive, "negative": negative})


def test_more_labels_than_there_are_is_all_of_them(client):
    assert len(infer(client, "good", top_k=50).json()[0]) == 2


def test_a_long_text_is_cut_where_truncation_is_asked_for(client):
    text = "good " * 6 + "bad " * 30
    (whole,), (cut,), (windows,) = (
        scores(infer(client, text, **parameters))
        for parameters in ({}, {"truncation": True}, {"truncation": False})
    )
    assert cut["positive"] > 0.99
    assert windows["negative"] > 0.99
    assert whole == windows  # as the tiny model reads long texts


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parameters": None},
        {"parameters": {"top_k": None, "function_to_apply": None, "truncation": None}},
        {"options": {"use_cache": False, "wait_for_model": True}},
        {"parameters": {"padding": True, "max_length": 4, "return_all_scores": True}},
        {"model": "sentiment", "provider": "hf-inference"},
    ],
)
def test_what_clients_send_to_every_model_is_ignored(client, more):
    answer = client.post("/", json={"inputs": "good", **more})
    assert scores(answer) == scores(infer(client, "good"))


BAD = {
    "no inputs": (b"{}", 422, "inputs"),
    "an empty text": (b'{"inputs": ""}', 422, "text"),
    "white space": (b'{"inputs": " "}', 422, "text 0 is empty"),
    "white space in a list": (b'{"inputs": ["good", " "]}', 422, "text 1 is empty"),
    "an empty text in a list": (b'{"inputs": ["good", ""]}', 422, "none may be empty"),
    "an empty list": (b'{"inputs": []}', 422, "list of texts"),
    "a number": (b'{"inputs": 5}', 422, "send a text or a list of texts"),
    "a number in a list": (b'{"inputs": ["good", 5]}', 422, "send a text or a list of texts"),
    "a pair": (b'{"inputs": {"text": "a", "text_pair": "b"}}', 422, "single texts"),
    "half a surrogate pair": (b'{"inputs": "\\ud800"}', 422, "inputs"),
    "half a surrogate pair in a list": (b'{"inputs": ["\\ud800"]}', 422, "inputs"),
    "a top_k of zero": (b'{"inputs": "good", "parameters": {"top_k": 0}}', 422, "top_k"),
    "another function": (
        b'{"inputs": "good", "parameters": {"function_to_apply": "tanh"}}',
        422,
        "function_to_apply: Input should be 'softmax', 'sigmoid' or 'none'",
    ),
    "truncated json": (b'{"inputs": "goo', 400, "JSON"),
    "too many texts": (b'{"inputs": ["a"%s]}' % (b', "a"' * 200), 413, "at most 128"),
    "too long a text": (b'{"inputs": "%s"}' % (b"a" * 60_000), 413, "at most 50000"),
    "too much": (b'{"inputs": "%s"}' % (b"a" * 5_000_000), 413, "bytes"),
}


@pytest.mark.parametrize("path", ["/", "/models/sentiment"])
@pytest.mark.parametrize(("body", "status", "said"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_answered_is_a_problem_whose_error_says_why(
    client, path, body, status, said
):
    answer = client.post(path, content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert len(answer.json()["error"]) < 300


def test_an_unknown_model_is_refused_with_the_served_ones(client):
    answer = infer(client, "good", "/models/nonsense")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "no model 'nonsense' here; served: sentiment",
    )


def test_a_model_that_is_being_loaded_is_503_with_retry_after(make_client):
    answer = infer(make_client(loaded=False), "good")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_a_full_queue_is_429_with_retry_after(client, catalog, monkeypatch):
    def full(*_):
        raise OverloadedError("9 windows of text are waiting; try again in 3 s", retry_after=3)

    monkeypatch.setattr(catalog.load(), "predict", full)
    answer = infer(client, "good")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "3 s" in answer.json()["error"]


def test_a_model_that_fails_is_500_without_its_reason(client, catalog, monkeypatch):
    def broken(*_):
        raise PredictionError("wires crossed")

    monkeypatch.setattr(catalog.load(), "predict", broken)
    answer = infer(client, "good")
    assert answer.status_code == 500
    assert "wires" not in answer.text


@pytest.mark.parametrize("path", ["/", "/models/sentiment"])
def test_a_key_is_asked_for(make_client, path):
    client = make_client(AUTH="key", API_KEY_SHA256=hashlib.sha256(KEY.encode()).hexdigest())
    body = {"inputs": "good"}
    statuses = [
        client.post(path, json=body, headers=headers).status_code
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": f"Bearer {KEY}"},
        )
    ]
    assert statuses == [401, 403, 200]


def test_the_page_keeps_the_other_methods_of_its_address(client):
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert client.delete("/").status_code == 405


def test_a_request_is_logged_under_its_route_without_its_text(client, log):
    answer = infer(client, ["good secret-of-mine", "bad"], "/models/sentiment")
    (line,) = log
    assert (line["route"], line["texts"], line["model"]) == ("/models/{model}", 2, "sentiment")
    assert "secret" not in json.dumps(line)
    assert answer.headers["x-model-version"] == line["version"]
    assert "inference;dur=" in answer.headers["server-timing"]
