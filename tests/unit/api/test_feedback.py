"""Feedback: the right answer is written to the log of the predictions."""

import json
import sys

import pytest

from function.api.routes.feedback import MAX_LINE_BYTES
from scripts.drift.log_lines import SCHEMA
from scripts.drift.prediction_log import build_log
from tests.predictions import EVER

ID = "0123456789abcdef0123456789abcdef-0"
TEXT = "Ada met 🐈 Acme"
RIGHT = [{"label": "PER", "start": 0, "end": 3}, {"label": "ORG", "start": 10, "end": 14}]
WITH_TEXT = {"PREDICTION_LOG": "true", "FEEDBACK_TEXT": "true"}


@pytest.fixture
def client(open_client):
    return open_client()


def give(client, **members):
    return client.post("/v1/feedback", json={"id": ID, **members})


def test_a_prediction_and_the_feedback_on_it_are_joined(client, lines):
    answer = client.post("/v1/predict", json={"inputs": ["good", "bad"]})
    first = answer.headers["x-prediction-id"]
    for id_, label in ((first, "negative"), (first[:-1] + "1", "negative"), (first, "positive")):
        assert give(client, id=id_, label=label).status_code == 202
    read = build_log(lines(), EVER, "sentiment")
    assert read.damaged == 0
    assert read.correct.tolist() == [1, 1]


def test_a_line_holds_the_label_and_nothing_of_the_text(client, lines, log):
    answer = give(client, label="negative")
    assert (answer.status_code, answer.content) == (202, b"")
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {"log": "feedback", "id": ID, "model": "sentiment", "label": "negative"}
    assert (log[0]["route"], log[0]["status"]) == ("/v1/feedback", 202)


def test_a_text_is_kept_where_the_service_keeps_texts(open_client, lines, log):
    give(open_client(**WITH_TEXT), label="negative", text="not good")
    (line,) = lines()
    assert line["text"] == "not good"
    assert "not good" not in json.dumps(log)


def test_a_text_is_refused_where_the_service_keeps_none(client, lines):
    answer = give(client, label="negative", text="not good")
    assert answer.status_code == 422
    assert "FEEDBACK_TEXT" in answer.json()["detail"]
    assert lines() == []


def test_the_right_entities_come_with_their_text(open_client, lines):
    client = open_client(**WITH_TEXT)
    assert give(client, model="ner", entities=RIGHT, text=TEXT).status_code == 202
    assert give(client, model="ner", entities=[], text="met in").status_code == 202
    feedback, nothing = lines()
    assert (feedback["model"], feedback["entities"], feedback["text"]) == ("ner", RIGHT, TEXT)
    assert nothing["entities"] == []
    assert "label" not in feedback


def test_with_a_key_a_text_has_the_hash_that_its_prediction_has(open_client, lines):
    client = open_client(**WITH_TEXT, PREDICTION_LOG_KEY="a-secret-of-thirty-two-characters")
    id_ = client.post("/v1/predict", json={"inputs": "gut"}).headers["x-prediction-id"]
    give(client, id=id_, label="positive", text="gut")
    give(client, id=id_, label="positive", text="gar")
    give(client, id=id_, label="positive")
    answered, same, other, without = lines()
    assert answered["text_hmac"] == same["text_hmac"] != other["text_hmac"]
    assert "text_hmac" not in without
    assert all(line.keys() <= set(SCHEMA.names) for line in (same, without))


def test_with_a_key_an_id_that_was_never_handed_out_is_refused(open_client, lines):
    client = open_client(**WITH_TEXT, PREDICTION_LOG_KEY="a-secret-of-thirty-two-characters")
    drawn = client.post("/v1/predict", json={"inputs": ["gut", "gar"]}).headers["x-prediction-id"]
    lines()
    turned = ("1" if drawn[0] == "0" else "0") + drawn[1:]
    for id_ in (ID, turned):
        answer = give(client, id=id_, label="positive", text="gut")
        assert answer.status_code == 422
        assert "id: it is not one that this service handed out" in answer.json()["detail"]
    assert lines() == []
    assert give(client, id=drawn[:-1] + "1", label="positive").status_code == 202


def test_a_text_of_any_letters_is_written_as_it_is(open_client, capsys):
    text = "好" * 50_000
    assert give(open_client(**WITH_TEXT), label="positive", text=text).status_code == 202
    said = capsys.readouterr().out
    assert text in said
    assert len(said.encode()) <= MAX_LINE_BYTES


def test_what_would_be_split_on_its_way_is_refused_and_not_written(open_client, lines):
    text = "🐈" * 50_000
    answer = give(open_client(**WITH_TEXT), label="positive", text=text)
    assert answer.status_code == 413
    assert "200000: send a shorter text" in answer.json()["detail"]
    assert lines() == []


def test_more_entities_than_any_text_has_are_refused(open_client, lines):
    many = [{"label": "PER", "start": 0, "end": 1}] * 10_001
    answer = give(open_client(**WITH_TEXT), model="ner", entities=many, text=TEXT)
    assert answer.status_code == 422
    assert "entities: " in answer.json()["detail"]
    assert lines() == []


def test_feedback_that_could_not_be_written_is_not_accepted(client, monkeypatch):
    class Gone:
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    answer = give(client, label="positive")
    assert answer.status_code == 503
    assert "not kept" in answer.json()["detail"]


def entities(*spans):
    return {
        "model": "ner",
        "text": TEXT,
        "entities": [{"label": label, "start": start, "end": end} for label, start, end in spans],
    }


@pytest.mark.parametrize(
    ("members", "status", "said"),
    [
        ({"label": "great"}, 422, "one of negative, positive"),
        ({}, 422, "one of negative, positive"),
        ({"label": "positive", "entities": []}, 422, "send a label"),
        ({"label": "positive", "model": "absent"}, 404, "served: ner, sentiment"),
        ({"label": "positive", "id": "1"}, 422, "id: "),
        ({"label": "positive", "id": ID + "\n"}, 422, "id: "),
        ({"label": "positive", "why": "so"}, 422, "why: unknown"),
        ({"label": "positive", "text": " "}, 422, "empty"),
        ({"label": "positive", "text": "good " * 20_000}, 413, "characters"),
        ({"label": "positive", "text": "\ud800"}, 422, "Unicode"),
        ({"model": "ner", "label": "PER"}, 422, "send all that are right"),
        ({"model": "ner", "entities": RIGHT}, 422, "the text that they are of"),
        (entities(("LAW", 0, 3)), 422, "entities[0].label: send one of LOC, ORG, PER"),
        (entities(("PER", 0, 3), ("ORG", 2, 5)), 422, "entities[1]"),
        (entities(("ORG", 10, 15)), 422, "code points"),
        (entities(("ORG", 3, 3)), 422, "entities[0]"),
        (entities(("ORG", -1, 3)), 422, "entities.0.start"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_written(open_client, lines, members, status, said):
    content = json.dumps({"id": ID, **members})
    answer = open_client(**WITH_TEXT).post(
        "/v1/feedback", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert lines() == []


@pytest.mark.parametrize("body", [{"id": ID, "label": "positive"}, {"id": 5}])
def test_without_a_log_there_is_nothing_to_give_feedback_on(make_client, lines, body):
    answer = make_client().post("/v1/feedback", json=body)
    assert answer.status_code == 404
    assert "PREDICTION_LOG=true" in answer.json()["detail"]
    assert lines() == []


def test_feedback_wants_the_key_that_predictions_want(open_client, lines):
    client = open_client(AUTH="key", API_KEY_SHA256="a" * 64)
    assert give(client, label="positive").status_code == 401
    wrong = client.post("/v1/feedback", json={}, headers={"authorization": "Bearer wrong"})
    assert wrong.status_code == 403
    assert lines() == []


def test_every_status_is_documented(client):
    operation = client.get("/openapi.json").json()["paths"]["/v1/feedback"]["post"]
    statuses = {"202", "400", "401", "403", "404", "413", "415", "422", "503"}
    assert set(operation["responses"]) == statuses
