import hashlib

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings
from tests.tiny import WORDS


def spelled(*words):
    """The ids of words of the tiny vocabulary."""
    return [WORDS.index(word) for word in words]


def test_the_server_describes_its_model_and_its_limits(client):
    (model,) = client.get("/v1/models").json()["models"]
    info = client.get("/info").json()
    assert (info["model_id"], info["model_sha"]) == ("sentiment", model["digest"])
    assert info["model_type"] == {
        "classifier": {
            "id2label": {"0": "negative", "1": "positive"},
            "label2id": {"negative": 0, "positive": 1},
        }
    }
    assert (info["max_input_length"], info["max_client_batch_size"]) == (8, 128)
    assert {"sha", "docker_label", "max_batch_requests", "version", "auto_truncate"} < info.keys()


def test_a_default_model_that_finds_entities_is_described_elsewhere(two_models):
    catalog = Catalog(two_models, "ner", lambda a: OnnxBackend(a, 1), max_windows=64)
    app = create_app(DirectEngine(catalog), load_settings(Settings, {}), lambda _: None)
    answer = TestClient(app).get("/info")
    assert (answer.status_code, answer.json()["error_type"]) == (422, "Validation")
    assert "'ner' finds entities" in answer.json()["error"]


def test_health_is_empty_and_open(make_client):
    digest = hashlib.sha256(b"key").hexdigest()
    answer = make_client(AUTH="key", API_KEY_SHA256=digest).get("/health")
    assert (answer.status_code, answer.content) == (200, b"")


def test_health_is_a_typed_problem_until_the_model_is_loaded(make_client, log):
    answer = make_client(loaded=False).get("/health")
    assert (answer.status_code, answer.json()["error_type"]) == (503, "Unhealthy")


def test_a_texts_tokens_are_spans_of_it_between_special_ones(client):
    (tokens,) = client.post("/tokenize", json={"inputs": "The good 🐈 film"}).json()
    assert [each["id"] for each in tokens] == spelled(
        "[CLS]", "the", "good", "[UNK]", "film", "[SEP]"
    )
    assert [each["text"] for each in tokens] == ["[CLS]", "The", "good", "🐈", "film", "[SEP]"]
    assert [each["special"] for each in tokens] == [True, False, False, False, False, True]
    assert (tokens[0]["start"], tokens[0]["stop"]) == (None, None)
    assert (tokens[3]["start"], tokens[3]["stop"]) == (9, 10)


def test_several_texts_are_tokenised_without_special_tokens_on_request(client):
    body = {"inputs": ["good film", "bad"], "add_special_tokens": False, "prompt_name": None}
    answer = client.post("/tokenize", json=body).json()
    assert [[each["id"] for each in tokens] for tokens in answer] == [
        spelled("good", "film"),
        spelled("bad"),
    ]


def test_ids_become_text_again(client):
    ids = spelled("[CLS]", "good", "film", "[SEP]")
    assert client.post("/decode", json={"ids": ids}).json() == ["good film"]
    body = {"ids": [ids, spelled("bad")], "skip_special_tokens": False}
    assert client.post("/decode", json=body).json() == ["[CLS] good film [SEP]", "bad"]
    assert client.post("/decode", json={"ids": [2**31 - 1]}).json() == [""]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/tokenize", {"inputs": []}, 422, "inputs"),
        ("/tokenize", {"inputs": "good", "prompt_name": "query"}, 422, "prompt_name"),
        ("/tokenize", {"inputs": ["a" * 30_000] * 2}, 413, "50000 characters"),
        ("/tokenize", {"inputs": ["a"] * 129}, 413, "128"),
        ("/decode", {"ids": []}, 422, "ids"),
        ("/decode", {"ids": [2**31]}, 422, "ids"),
        ("/decode", {"ids": [[1]] * 129}, 413, "128 lists"),
        ("/embed_sparse", {"inputs": "good"}, 422, "not offered"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(client, path, body, status, words):
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error_type"]) == (status, "Validation")
    assert words in answer.json()["error"]
