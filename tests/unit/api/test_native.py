import gzip
import json
import zlib

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import LateError
from function.settings import Settings, load_settings
from tests.tiny import write_artifact


def test_one_text_is_answered(client):
    body = client.post("/v1/predict", json={"inputs": "good film"}).json()
    (prediction,) = body["predictions"]
    assert prediction["label"] == "positive"
    assert body["model"]["name"] == "sentiment"
    assert body["model"]["version"].endswith(body["model"]["digest"][:8])
    assert set(body["timings"]) == {
        "tokenization_ms",
        "queue_ms",
        "inference_ms",
        "decoding_ms",
        "explanation_ms",
        "total_ms",
    }


def test_several_texts_are_answered_in_order(client):
    body = client.post("/v1/predict", json={"inputs": ["bad", "good"]}).json()
    assert [p["label"] for p in body["predictions"]] == ["negative", "positive"]


def test_highlights_come_only_where_asked_for(client):
    plain = client.post("/v1/predict", json={"inputs": "good"}).json()
    explained = client.post(
        "/v1/predict", json={"inputs": "good", "parameters": {"explain": True}}
    ).json()
    assert "highlights" not in plain["predictions"][0]
    assert explained["predictions"][0]["highlights"][0].keys() == {"start", "end", "weight"}


def test_a_named_model_answers(client):
    answer = client.post("/v1/models/sentiment/predict", json={"inputs": "good"})
    assert answer.json()["model"]["name"] == "sentiment"


def test_a_text_in_the_address_is_answered_and_not_logged(client, log):
    answer = client.get("/v1/predict", params={"text": "good secret"})
    assert answer.json()["predictions"][0]["label"] == "positive"
    assert "secret" not in str(log)


def test_a_long_text_can_be_truncated(client):
    request = {"inputs": "the " * 40, "parameters": {"long_text": "truncate"}}
    (prediction,) = client.post("/v1/predict", json=request).json()["predictions"]
    assert (prediction["windows"], prediction["truncated"]) == (1, True)


def test_the_models_route_lists_limits(make_client):
    (model,) = make_client(MAX_TEXTS="7").get("/v1/models").json()["models"]
    assert model["labels"] == ["negative", "positive"]
    assert model["limits"]["texts"] == 7
    assert model["default"]


def test_the_samples_of_a_manifest_are_listed(tmp_path):
    samples = ["My card was charged twice.", "The export hangs."]
    write_artifact(tmp_path / "sentiment", samples=samples)
    write_artifact(tmp_path / "other", model="other")
    catalog = Catalog(tmp_path, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    app = create_app(DirectEngine(catalog), load_settings(Settings, {}), lambda _: None)
    listed = TestClient(app).get("/v1/models").json()["models"]
    assert {model["name"]: model["samples"] for model in listed} == {
        "sentiment": samples,
        "other": [],
    }


def test_compressed_bodies_are_read(client):
    plain = json.dumps({"inputs": "good"}).encode()
    for encoding, body in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        assert client.post("/v1/predict", content=body, headers=headers).status_code == 200


def test_a_body_without_a_content_type_is_taken_for_json(client):
    request = client.build_request("POST", "/v1/predict", content=b'{"inputs": "good"}')
    request.headers.pop("content-type", None)
    assert client.send(request).status_code == 200


@pytest.mark.parametrize("path", ["/v1/predict", "/", "/predict"])
def test_a_request_that_took_too_long_is_503_with_the_time_to_try_again(client, monkeypatch, path):
    def late(*_):
        raise LateError("no answer within 25 s: send fewer texts, or try again in 7 s", 7)

    monkeypatch.setattr("function.core.predictor.Predictor.predict", late)
    answer = client.post(path, json={"inputs": "good"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert "send fewer texts" in answer.json()["detail"]
