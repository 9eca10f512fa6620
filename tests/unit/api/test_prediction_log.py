"""A line for each text that was answered, in whatever protocol, and never the text."""

import hashlib
import hmac
import json
import re
import sys

import pytest

from function.api.prediction_ids import PATTERN
from scripts.drift.log_lines import SCHEMA, parse_line
from scripts.drift.prediction_log import build_log
from tests.predictions import EVER

KEY = "a-secret-of-thirty-two-characters"
TEXTS = ["good unmistakable zeppelins", "the bad dull film"]
NAMED = "🐈 Ada Lovelace met Acme in New York."


def tensor(texts):
    return {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}


PROTOCOLS = {
    "ours": ("/v1/predict", {"inputs": TEXTS}),
    "ours, the best label alone": (
        "/v1/models/sentiment/predict",
        {"inputs": TEXTS, "parameters": {"top_k": 1}},
    ),
    "hugging face": ("/", {"inputs": TEXTS}),
    "hugging face, raw scores": (
        "/models/sentiment",
        {"inputs": TEXTS, "parameters": {"function_to_apply": "none", "top_k": 1}},
    ),
    "hugging face, sigmoid": (
        "/models/sentiment",
        {"inputs": TEXTS, "parameters": {"function_to_apply": "sigmoid"}},
    ),
    "text embeddings inference": ("/predict", {"inputs": [[text] for text in TEXTS]}),
    "text embeddings inference, raw": (
        "/predict",
        {"inputs": [[text] for text in TEXTS], "raw_scores": True},
    ),
    "open inference": ("/v2/models/sentiment/infer", {"inputs": [tensor(TEXTS)]}),
}


@pytest.fixture
def client(open_client):
    return open_client()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_writes_the_same(client, lines, protocol):
    path, body = PROTOCOLS[protocol]
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    first, second = lines()
    assert first["id"] == answer.headers["x-prediction-id"]
    assert {**first, "id": "", "time": "", "version": ""} == {
        "log": "prediction",
        "id": "",
        "time": "",
        "model": "sentiment",
        "version": "",
        "label": "positive",
        "stage": "full",
        "score": pytest.approx(0.982, abs=1e-3),
        "margin": pytest.approx(0.964, abs=1e-3),
        "characters": len(TEXTS[0]),
        "tokens": 3,
        "words": 3,
        "windows": 1,
    }
    assert (second["label"], second["words"]) == ("negative", 4)


def test_the_reader_takes_every_line_as_it_is(client, lines):
    answer = client.post("/v1/predict", json={"inputs": TEXTS})
    logged = lines()
    assert all(line.keys() <= set(SCHEMA.names) for line in logged)
    read = build_log(
        [line for each in logged for line in parse_line(json.dumps(each))], EVER, "sentiment"
    )
    assert (len(read), read.damaged) == (2, 0)
    assert read.versions == [answer.json()["model"]["version"]] * 2


def test_entities_are_logged_by_label_and_their_mean_score(client, lines):
    body = {"inputs": [NAMED, "met in"], "parameters": {"grouping": "words"}}
    client.post("/v1/models/ner/predict", json=body)
    named, nothing = lines()
    assert named["labels"] == {"PER": 1, "ORG": 1, "LOC": 1}
    assert 0.5 < named["score"] <= 1
    assert (nothing["labels"], nothing.get("score")) == ({}, None)
    assert not {"label", "stage", "margin"} & (named.keys() | nothing.keys())


def test_ids_count_the_texts_of_a_request_and_are_never_a_callers(client, lines):
    ids = []
    for _ in range(2):  # a client that tries again, or numbers its requests from 1 every day
        answer = client.post(
            "/v1/predict", json={"inputs": ["good"] * 3}, headers={"x-request-id": "1"}
        )
        assert answer.headers["x-request-id"] == "1"
        ids.append(answer.headers["x-prediction-id"])
    logged_ids = [line["id"] for line in lines()]
    assert len(set(logged_ids)) == 6
    assert all(re.fullmatch(PATTERN, id_) for id_ in logged_ids)
    stem = ids[1].removesuffix("-0")
    assert logged_ids[3:] == [f"{stem}-0", f"{stem}-1", f"{stem}-2"]
    assert logged_ids[0] == ids[0]


def test_with_a_key_equal_texts_have_equal_hashes_that_only_its_owner_can_make(open_client, lines):
    open_client(PREDICTION_LOG_KEY=KEY).post("/v1/predict", json={"inputs": ["gut", "gut", "ü"]})
    open_client(PREDICTION_LOG_KEY=KEY[::-1]).post("/v1/predict", json={"inputs": "gut"})
    one, same, other, keyed_otherwise = [line["text_hmac"] for line in lines()]
    assert one == same == hmac.new(KEY.encode(), b"gut", hashlib.sha256).hexdigest()
    assert len({one, other, keyed_otherwise}) == 3


def test_the_text_is_in_no_line(open_client, lines, log):
    client = open_client(PREDICTION_LOG_KEY=KEY)
    for path, body in PROTOCOLS.values():
        client.post(path, json=body)
    client.get("/v1/predict?text=good%20zeppelins")
    client.post("/v1/models/ner/predict", json={"inputs": NAMED})
    logged = json.dumps([lines(), log])
    assert logged.count('"prediction"') == 2 * len(PROTOCOLS) + 2
    assert not re.search("zeppelin|Lovelace|thirty", logged)


def test_what_was_refused_is_no_prediction(client, lines):
    too_long = " ".join(["good"] * 200)
    answers = [
        client.post("/v1/predict", json={"inputs": ""}),
        client.post("/v1/models/none/predict", json={"inputs": "good"}),
        client.post("/predict", json={"inputs": too_long, "truncate": False}),
        client.get("/health/ready"),
        client.get("/v1/models"),
    ]
    assert [answer.status_code for answer in answers] == [422, 404, 413, 200, 200]
    assert not any("x-prediction-id" in answer.headers for answer in answers)
    assert lines() == []


def test_a_caller_who_asks_for_no_line_is_answered_without_one(client, lines):
    answer = client.post(
        "/v1/predict", json={"inputs": "good"}, headers={"x-prediction-log": "off"}
    )
    assert answer.status_code == 200
    assert "x-prediction-id" not in answer.headers
    assert lines() == []


def test_unless_it_is_asked_for_there_is_no_log(make_client, lines):
    answer = make_client().post("/v1/predict", json={"inputs": "good"})
    assert "x-prediction-id" not in answer.headers
    assert lines() == []


def test_a_log_that_cannot_be_written_fails_no_request(client, monkeypatch):
    class Gone:
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    assert client.post("/v1/predict", json={"inputs": "good"}).status_code == 200


def test_all_texts_of_a_request_are_one_write(client, monkeypatch):
    written: list[str] = []

    class Stdout:
        write = staticmethod(written.append)

        def flush(self):
            """Do nothing: no line is buffered."""

    monkeypatch.setattr(sys, "stdout", Stdout())
    client.post("/v1/predict", json={"inputs": ["good"] * 5})
    assert [piece.count("\n") for piece in written] == [5]


def test_the_document_describes_the_header_with_a_predictions_id(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/predict", "/v1/models/{model}/predict", "/", "/predict"):
        assert "x-prediction-id" in paths[path]["post"]["responses"]["200"]["headers"]
    infer = paths["/v2/models/{model}/infer"]["post"]["responses"]["200"]
    assert infer.keys() >= {"headers", "content"}
