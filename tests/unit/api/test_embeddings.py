"""A model that embeds texts, in every protocol."""

import base64
import json
import math

import numpy as np
import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.heads import EmbeddingDecoding
from function.settings import Settings, load_settings
from tests.tiny import write_artifact

RAW = [-0.5, 0.5, 1.0]  # of "good film"; see tests/tiny.py
UNIT = pytest.approx([each / math.sqrt(1.5) for each in RAW], abs=1e-7)
PROMPTS = {"query": "bad ", "document": ""}


def open_client(folder, log, names, default="vectors"):
    for name in names:
        head = None if name == "sentiment" else EmbeddingDecoding(dimensions=3, prompts=PROMPTS)
        write_artifact(folder / name, model=name, decoding=head)
    catalog = Catalog(folder, default, lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    settings = load_settings(Settings, {"PREDICTION_LOG": "true"})
    return TestClient(create_app(DirectEngine(catalog), settings, log.append))


@pytest.fixture
def client(tmp_path, log):
    """A service whose default model classifies, and whose other one embeds."""
    return open_client(tmp_path / "models", log, ["sentiment", "vectors"], "sentiment")


def post(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return answer.json()["detail"]


def test_the_native_route_answers_an_embedding(client):
    answer = post(client, "/v1/models/vectors/predict", inputs=["good film", "film"])
    first, second = answer["predictions"]
    assert first == {"embedding": RAW, "tokens": 2, "windows": 1, "truncated": False}
    assert second["embedding"] == [0, 0, 1]
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    assert (listed["vectors"]["task"], listed["vectors"]["labels"]) == ("feature-extraction", [])
    asked = {"inputs": "good film", "parameters": {"explain": True}}
    assert "gives texts vectors" in refusal(client, "/v1/models/vectors/predict", **asked)


def test_hugging_faces_schema_answers_a_vector_a_text(client):
    path = "/models/vectors"
    assert post(client, path, inputs="good film") == [RAW]
    assert post(client, path, inputs=["good film", "film"]) == [RAW, [0, 0, 1]]
    assert post(client, path, inputs="good film", normalize=True) == [UNIT]
    assert post(client, path, inputs="good film", dimensions=2) == [RAW[:2]]
    assert post(client, path, inputs="good film", prompt_name="query") == [[0, 0, 1]]
    long = "good " * 30
    assert post(client, path, inputs=long, truncate=True) == post(
        client, path, inputs=long, parameters={"truncation": True}
    )


def test_hugging_faces_schema_compares_sentences(client):
    inputs = {"source_sentence": "good", "sentences": ["fine", "bad", "film"]}
    same, opposite, plain = post(client, "/models/vectors", inputs=inputs, parameters={})
    assert same == pytest.approx(1)
    assert opposite < plain < same
    assert "'sentiment' compares no sentences" in refusal(client, "/", inputs=inputs)


def test_members_for_embeddings_change_no_other_answer(client):
    plain = post(client, "/", inputs="good film")
    assert post(client, "/", inputs="good film", normalize=True, dimensions=2) == plain


def test_embed_is_as_text_embeddings_inference_has_it(client):
    assert post(client, "/embed", inputs="good film") == [UNIT]
    assert post(client, "/embed", inputs=["good film"] * 2) == [UNIT, UNIT]
    assert post(client, "/embed", inputs="good film", normalize=False) == [RAW]
    cut = post(client, "/embed", inputs="good film", dimensions=2)
    assert cut == [pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)], abs=1e-7)]
    assert post(client, "/embed", inputs="good film", prompt_name="query") == [[0, 0, 1]]
    headers = client.post("/embed", json={"inputs": "good film"}).headers
    assert headers["x-compute-tokens"] == "2"


def test_embed_all_answers_token_by_token(client):
    assert post(client, "/embed_all", inputs="good film") == [
        [[0, 0, 1], [-2, 2, 1], [0, 0, 1], [0, 0, 1]]
    ]


def test_similarity_compares_a_text_with_others(client):
    inputs = {"source_sentence": "good", "sentences": ["fine", "bad"]}
    found = post(client, "/similarity", inputs=inputs)
    assert found == [pytest.approx(1), pytest.approx((-8 / 9 + 1) / (8 / 9 + 1))]
    asked = {"prompt_name": "query", "truncate": True}
    assert post(client, "/similarity", inputs=inputs, parameters=asked)[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"inputs": []}, "inputs: send a text or a list"),
        ({"inputs": [[1, 2]]}, "inputs: send a text or a list"),
        ({"inputs": "a", "dimensions": 4}, "dimensions: send a number from 1 to 3"),
        ({"inputs": "a", "prompt_name": "x"}, "it has query, document"),
        ({"inputs": "a", "truncate": True, "truncation_direction": "Left"}, "cut at their end"),
    ],
)
def test_what_embed_cannot_do_is_refused(client, body, said):
    answer = client.post("/embed", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert answer.json()["error_type"] == "Validation"


def test_a_text_that_is_cut_is_refused_where_all_of_it_is_asked_for(client):
    body = {"inputs": "good " * 100, "truncate": False}
    assert client.post("/embed", json=body).status_code == 413


def test_openais_schema_answers_numbers_or_base64(client):
    answer = post(client, "/v1/embeddings", model="vectors", input=["good film", "film"], user="u")
    assert answer == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": RAW},
            {"object": "embedding", "index": 1, "embedding": [0, 0, 1]},
        ],
        "model": "vectors",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    coded = post(client, "/v1/embeddings", input="good film", encoding_format="base64")
    numbers = np.frombuffer(base64.b64decode(coded["data"][0]["embedding"]), "<f4")
    assert numbers.tolist() == RAW
    cut = post(client, "/v1/embeddings", input="good film", dimensions=2)
    assert np.linalg.norm(cut["data"][0]["embedding"]) == pytest.approx(1)


def test_openais_schema_names_a_model_that_embeds(client):
    asked = {"input": "good"}
    assert client.post("/v1/embeddings", json={**asked, "model": "x"}).status_code == 404
    assert "'sentiment' gives texts no vectors" in refusal(
        client, "/v1/embeddings", **asked, model="sentiment"
    )


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_a_route_that_names_no_model_takes_the_default_or_the_only_one(tmp_path, log, path):
    body = {"inputs": "good", "input": "good"}
    several = open_client(tmp_path / "a", log, ["sentiment", "one", "other"], "sentiment")
    assert "here are one, other" in refusal(several, path, **body)
    default = open_client(tmp_path / "b", log, ["one", "other"], "other")
    assert default.post(path, json=body).status_code == 200
    none = open_client(tmp_path / "c", log, ["sentiment"], "sentiment")
    assert "here are none" in refusal(none, path, **body)


def test_open_inference_has_a_matrix_of_vectors(client):
    (output,) = client.get("/v2/models/vectors").json()["outputs"]
    assert output == {"name": "embedding", "datatype": "FP32", "shape": [-1, -1]}
    texts = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good film", "film"]}
    (found,) = post(client, "/v2/models/vectors/infer", inputs=[texts])["outputs"]
    assert (found["shape"], found["data"]) == ([2, 3], [*RAW, 0, 0, 1])


def test_the_logs_have_neither_labels_nor_scores(client, log, capsys):
    post(client, "/embed", inputs=["good film", "film"])
    record = log[-1]
    assert (record["labels"], record["score"], record["margin"]) == ({}, [], [])
    assert record["tokens_per_word"] == [1, 1]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["labels"], line["tokens"], "score" in line) for line in lines] == [
        ({}, 2, False),
        ({}, 1, False),
    ]


def test_feedback_is_refused_in_plain_words(client):
    body = {"id": "0" * 32 + "-0", "model": "vectors", "label": "positive"}
    assert "'vectors' takes no feedback" in refusal(client, "/v1/feedback", **body)


def test_the_servers_description_names_the_pooling(tmp_path, log):
    found = open_client(tmp_path, log, ["vectors"]).get("/info").json()
    assert found["model_type"] == {"embedding": {"pooling": "mean"}}
