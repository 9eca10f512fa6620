"""Models of other heads than a softmax, in every protocol."""

import json
import math

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.heads import ScoreDecoding, SigmoidDecoding
from function.settings import Settings, load_settings
from tests.tiny import write_artifact

SURE, UNSURE = (1 / (1 + math.exp(logit)) for logit in (-2, 2))
TOPICS = SigmoidDecoding(thresholds=[0.5, 0.5])
SCORES = [
    {"label": "positive", "score": pytest.approx(SURE)},
    {"label": "negative", "score": pytest.approx(UNSURE)},
]


@pytest.fixture
def client(tmp_path, log):
    """A service whose default model gives several labels, with others beside it."""
    models = tmp_path / "models"
    write_artifact(models / "topics", model="topics", decoding=TOPICS)
    write_artifact(models / "sentiment")
    raw = ScoreDecoding(activation="none")
    write_artifact(models / "stars", model="stars", decoding=raw, labels=["stars"])
    catalog = Catalog(models, "topics", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    settings = load_settings(Settings, {"PREDICTION_LOG": "true"})
    return TestClient(create_app(DirectEngine(catalog), settings, log.append))


def predictions(client, inputs, path="/v1/predict", **parameters):
    answer = client.post(path, json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_several_labels_are_answered_with_the_scores_of_all(client):
    good, neither = predictions(client, ["good film", "the film"])
    assert good == {
        "labels": ["positive"],
        "scores": SCORES,
        "tokens": 2,
        "windows": 1,
        "truncated": False,
    }
    assert neither["labels"] == []


def test_explained_labels_have_highlights(client):
    (found,) = predictions(client, "good film", explain=True)
    assert max(found["highlights"], key=lambda each: each["weight"])["end"] == 4


def test_the_listing_names_the_answer_where_it_is_not_the_usual(client):
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    assert listed["topics"]["answer_key"] == "labels"
    assert listed["topics"]["task"] == "text-classification"
    assert "answer_key" not in listed["sentiment"]


def test_hugging_faces_clients_get_the_scores_of_all_labels(client):
    assert client.post("/", json={"inputs": "good film"}).json() == [SCORES]
    raw = {"inputs": "good film", "parameters": {"function_to_apply": "none", "top_k": 1}}
    assert client.post("/", json=raw).json() == [[{"label": "positive", "score": 2.0}]]
    assert client.post("/predict", json={"inputs": "good film"}).json() == SCORES


def test_open_inference_has_labels_and_scores_in_json(client):
    described = client.get("/v2/models/topics").json()
    assert described["outputs"] == [
        {"name": "labels", "datatype": "BYTES", "shape": [-1]},
        {"name": "scores", "datatype": "BYTES", "shape": [-1]},
    ]
    texts = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good film", "film"]}
    answer = client.post("/v2/models/topics/infer", json={"inputs": [texts]}).json()
    labels, scores = (list(map(json.loads, each["data"])) for each in answer["outputs"])
    assert labels == [["positive"], []]
    assert scores[0] == SCORES


def test_the_logs_have_every_label_and_the_best_score(client, log, capsys):
    predictions(client, ["good film", "film"])
    (record,) = log
    assert (record["labels"], record["margin"]) == ({"positive": 1}, [])
    assert record["score"] == [round(SURE, 4), 0.5]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["labels"] for line in lines] == [{"positive": 1}, {}]


def test_feedback_is_refused_in_plain_words(client):
    body = {"id": "0" * 32 + "-0", "model": "topics", "label": "positive"}
    answer = client.post("/v1/feedback", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("'topics' takes no feedback")


def test_a_number_is_answered_in_every_protocol(client):
    path = "/v1/models/stars/predict"
    (found,) = predictions(client, "good film", path)
    assert found == {"score": 2.0, "tokens": 2, "windows": 1, "truncated": False}
    (explained,) = predictions(client, "good film", path, explain=True)
    assert explained["highlights"][0]["weight"] > 0.7
    hugging = client.post("/models/stars", json={"inputs": "good film"}).json()
    assert hugging == [[{"label": "stars", "score": 2.0}]]
    texts = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good film", "bad"]}
    (output,) = client.post("/v2/models/stars/infer", json={"inputs": [texts]}).json()["outputs"]
    assert output == {"name": "score", "datatype": "FP32", "shape": [2], "data": [2.0, -2.0]}
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    assert listed["stars"]["answer_key"] == "score"


def test_the_logs_have_the_number(client, log, capsys):
    predictions(client, ["good film"], "/v1/models/stars/predict")
    assert (log[0]["labels"], log[0]["score"]) == ({}, [2.0])
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["labels"], line["score"]) == ({}, 2.0)
