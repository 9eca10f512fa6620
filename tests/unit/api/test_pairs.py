"""Models that read pairs of texts, in every protocol, next to one that reads single texts."""

import hashlib
import hmac
import json
import math

import numpy as np
import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.api.open_inference.binary import encode_bytes
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.heads import ScoreDecoding
from function.settings import Settings, load_settings
from tests.tiny import write_artifact

PAIR = {"text": "good film", "text_pair": "fine"}  # +2 and +2
KEY = "k" * 32


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


@pytest.fixture
def open_client(tmp_path, log):
    """A service of a model of pairs, `same`, a reranker, and `sentiment`, with a default."""
    models = tmp_path / "models"
    write_artifact(models / "sentiment")
    write_artifact(models / "same", model="same", pairs=True)
    ranks = ScoreDecoding(activation="sigmoid")
    write_artifact(
        models / "reranker", model="reranker", pairs=True, decoding=ranks, labels=["LABEL_0"]
    )

    def open_client(default):
        catalog = Catalog(models, default, lambda a: OnnxBackend(a, 1), max_windows=64)
        catalog.load()
        on = {"PREDICTION_LOG": "true", "PREDICTION_LOG_KEY": KEY, "FEEDBACK_TEXT": "true"}
        app = create_app(DirectEngine(catalog), load_settings(Settings, on), log.append)
        return TestClient(app)

    return open_client


@pytest.fixture
def client(open_client):
    return open_client("reranker")


def answered(client, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client, path, body, status=422):
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


@pytest.mark.parametrize("inputs", [PAIR, [PAIR]])
def test_a_pair_is_answered_alone_and_in_a_list(client, inputs):
    (prediction,) = answered(client, "/v1/predict", {"inputs": inputs})["predictions"]
    assert prediction == {
        "score": pytest.approx(sigmoid(4)),
        "tokens": 3,
        "windows": 1,
        "truncated": False,
    }


def test_a_long_pair_is_cut_and_says_so(client):
    long = {"text": "the " * 9 + "good", "text_pair": "good"}
    (prediction,) = answered(client, "/v1/predict", {"inputs": [long]})["predictions"]
    assert prediction["score"] == pytest.approx(sigmoid(2))
    assert (prediction["tokens"], prediction["truncated"]) == (11, True)
    whole = {"inputs": long, "parameters": {"long_text": "window"}}
    assert "one window of 8" in refused(client, "/v1/predict", whole, 413)


def test_a_text_and_a_pair_at_the_wrong_model_are_refused_in_words(client):
    assert "reads pairs of texts" in refused(client, "/v1/predict", {"inputs": "good"})
    at_single = refused(client, "/v1/models/sentiment/predict", {"inputs": PAIR})
    assert at_single == "this model reads single texts: send each without a `text_pair`"
    explained = {"inputs": PAIR, "parameters": {"explain": True}}
    assert "explain" in refused(client, "/v1/predict", explained)


BAD = {
    "an empty second text": {"text": "a", "text_pair": ""},
    "a second text alone": {"text_pair": "a"},
    "an unknown member": {**PAIR, "third": "a"},
    "a number": {"text": "a", "text_pair": 5},
    "half a surrogate pair": {"text": "a", "text_pair": "\ud800"},
}


@pytest.mark.parametrize("pair", BAD.values(), ids=BAD)
def test_a_pair_with_a_mistake_is_422_in_words_that_name_it(client, pair):
    body = json.dumps({"inputs": pair}).encode()
    answer = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "text" in answer.json()["error"]


def test_texts_and_pairs_do_not_mix(client):
    assert refused(client, "/v1/predict", {"inputs": ["good", PAIR]})
    assert refused(client, "/v1/predict", {"inputs": [PAIR, "good"]})


def test_characters_of_each_text_of_a_pair_are_limited(client):
    long = {"text": "a", "text_pair": "a" * 60_000}
    assert "60000 characters" in refused(client, "/v1/predict", {"inputs": long}, 413)


def test_the_listing_says_which_models_read_pairs(client):
    listed = {each["name"]: each for each in client.get("/v1/models").json()["models"]}
    assert listed["reranker"]["pairs"] is True
    assert "pairs" not in listed["sentiment"]


def test_the_log_has_the_length_and_a_hash_of_both_texts_and_neither_text(client, capsys):
    answered(client, "/v1/predict", {"inputs": PAIR})
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert line["characters"] == len("good filmfine")
    digest = hmac.new(KEY.encode(), b"good film\0fine", hashlib.sha256).hexdigest()
    assert line["text_hmac"] == digest
    assert "good" not in json.dumps(line)


def test_feedback_on_a_pair_has_a_label_and_no_text(open_client):
    client = open_client("same")
    asked = client.post("/v1/predict", json={"inputs": PAIR})
    body = {"id": asked.headers["x-prediction-id"], "label": "positive"}
    assert client.post("/v1/feedback", json=body).status_code == 202
    assert "pairs" in refused(client, "/v1/feedback", {**body, "text": "good"})


def test_hugging_faces_schema_takes_pairs(client):
    best = [{"label": "LABEL_0", "score": pytest.approx(sigmoid(4))}]
    assert answered(client, "/", {"inputs": PAIR}) == [best]
    assert answered(client, "/models/reranker", {"inputs": [PAIR, PAIR]}) == [best, best]


def test_predict_of_tei_takes_pairs_flat_for_one_and_lists_for_a_batch(open_client):
    flat = [
        {"score": pytest.approx(sigmoid(8)), "label": "positive"},
        {"score": pytest.approx(sigmoid(-8)), "label": "negative"},
    ]
    client = open_client("same")
    assert answered(client, "/predict", {"inputs": ["good film", "fine"]}) == flat
    assert answered(client, "/predict", {"inputs": [["good film", "fine"]]}) == [flat]
    raw = answered(client, "/predict", {"inputs": ["good", "fine"], "raw_scores": True})
    assert raw[0] == {"score": 4.0, "label": "positive"}
    assert "pairs" in refused(client, "/predict", {"inputs": "good"})
    assert refused(client, "/predict", {"inputs": [["good"], ["good", "fine"]]})


def test_pairs_go_to_the_default_or_are_refused_where_several_others_read_them(open_client):
    assert answered(open_client("same"), "/predict", {"inputs": ["good", "fine"]})
    error = refused(open_client("sentiment"), "/predict", {"inputs": ["good", "fine"]})
    assert error == "name one of reranker, same"


TEXTS = ["dull film", "good film", "the film"]


def test_rerank_of_tei_sorts_texts_by_their_scores(client):
    body = {"query": "fine", "texts": TEXTS}
    expected = [(1, sigmoid(4)), (2, sigmoid(2)), (0, sigmoid(0))]
    assert answered(client, "/rerank", body) == [
        {"index": index, "score": pytest.approx(score)} for index, score in expected
    ]
    whole = answered(client, "/rerank", {**body, "raw_scores": True, "return_text": True})
    assert whole[0] == {"index": 1, "text": "good film", "score": 4.0}
    assert [list(each) for each in whole] == [["index", "text", "score"]] * 3


def test_rerank_of_tei_has_its_headers_and_types_its_problems(client):
    body = {"query": "fine", "texts": TEXTS}
    headers = client.post("/rerank", json=body).headers
    assert headers["x-compute-characters"] == str(sum(len(text) + 4 for text in TEXTS))
    problem = client.post("/rerank", json={"query": "fine", "texts": []}).json()
    assert (problem["status"], problem["error_type"]) == (422, "Validation")
    long = {"query": "the " * 9, "texts": ["good"], "truncate": False}
    assert "one window" in refused(client, "/rerank", long, 413)
    assert answered(client, "/rerank", {**long, "truncate": True})


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_rerank_of_vllm_names_the_documents_and_the_tokens(client, path):
    body = {"model": "reranker", "query": "fine", "documents": TEXTS, "top_n": 2}
    answer = answered(client, path, body)
    assert answer.pop("id").startswith("rerank-")
    assert answer == {
        "model": "reranker",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
        "results": [
            {
                "index": 1,
                "document": {"text": "good film"},
                "relevance_score": pytest.approx(sigmoid(4)),
            },
            {
                "index": 2,
                "document": {"text": "the film"},
                "relevance_score": pytest.approx(sigmoid(2)),
            },
        ],
    }


def test_documents_may_be_objects_and_are_left_out_where_nobody_wants_them(client):
    body = {"query": "fine", "documents": [{"text": text} for text in TEXTS]}
    assert len(answered(client, "/rerank", body)["results"]) == 3
    short = answered(client, "/rerank", {**body, "return_documents": False})["results"]
    assert [each["index"] for each in short] == [1, 2, 0]
    assert all("document" not in each for each in short)


def test_the_only_reranker_answers_whatever_the_default_and_others_are_refused(open_client):
    client = open_client("sentiment")
    body = {"query": "fine", "documents": TEXTS}
    assert answered(client, "/rerank", body)["model"] == "reranker"
    assert "such as a reranker" in refused(client, "/rerank", {**body, "model": "same"})
    assert "no model 'other'" in refused(client, "/rerank", {**body, "model": "other"}, 404)


FORMS = {
    "one and one": ({"text_1": "fine", "text_2": "good"}, [4]),
    "one and several": ({"text_1": "fine", "text_2": ["good", "bad"]}, [4, 0]),
    "by twos": ({"text_1": ["fine", "bad"], "text_2": ["good", "bad"]}, [4, -4]),
    "queries": ({"queries": "fine", "documents": ["good", "the"]}, [4, 2]),
}


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
@pytest.mark.parametrize(("body", "logits"), FORMS.values(), ids=FORMS)
def test_score_of_vllm(client, path, body, logits):
    answer = answered(client, path, body)
    assert answer["id"].startswith("score-")
    assert (answer["object"], answer["model"]) == ("list", "reranker")
    assert answer["usage"]["prompt_tokens"] == 2 * len(logits)
    assert answer["data"] == [
        {"index": index, "object": "score", "score": pytest.approx(sigmoid(logit))}
        for index, logit in enumerate(logits)
    ]
    raw = answered(client, path, {**body, "use_activation": False})
    assert [each["score"] for each in raw["data"]] == logits


def test_score_refuses_lists_of_other_lengths(client):
    body = {"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}
    assert "2 and 3 texts" in refused(client, "/score", body)


def test_classify_of_vllm_has_the_probabilities_in_the_order_of_the_labels(client):
    answer = answered(client, "/classify", {"model": "sentiment", "input": ["good", "bad"]})
    assert answer["id"].startswith("classify-")
    assert answer["data"] == [
        {
            "index": index,
            "label": label,
            "probs": [pytest.approx(sigmoid(-logit)), pytest.approx(sigmoid(logit))],
            "num_classes": 2,
        }
        for index, (label, logit) in enumerate([("positive", 4), ("negative", -4)])
    ]
    assert answered(client, "/classify", {"input": "good"})["model"] == "sentiment"
    assert "single texts" in refused(client, "/classify", {"model": "same", "input": "good"})


def tensor(name, *texts):
    return {"name": name, "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}


def test_open_inference_takes_second_texts_as_a_second_input(client):
    described = client.get("/v2/models/reranker").json()
    assert [each["name"] for each in described["inputs"]] == ["text", "text_pair"]
    inputs = [tensor("text_pair", "fine", "the"), tensor("text", "good", "bad")]
    answer = answered(client, "/v2/models/reranker/infer", {"inputs": inputs})
    scores = np.array(answer["outputs"][0]["data"])
    assert scores == pytest.approx([sigmoid(4), sigmoid(-2)])


def test_open_inference_reads_two_binary_tensors_in_the_order_of_the_inputs(client):
    data = [encode_bytes([b"good", b"bad"]), encode_bytes([b"fine", b"the"])]
    inputs = [
        {
            "name": name,
            "shape": [2],
            "datatype": "BYTES",
            "parameters": {"binary_data_size": len(content)},
        }
        for name, content in zip(["text", "text_pair"], data, strict=True)
    ]
    document = json.dumps({"inputs": inputs}).encode()
    headers = {"inference-header-content-length": str(len(document))}
    body = b"".join([document, *data])
    answer = client.post("/v2/models/reranker/infer", content=body, headers=headers)
    scores = answer.json()["outputs"][0]["data"]
    assert scores == pytest.approx([sigmoid(4), sigmoid(-2)])


def test_open_inference_refuses_inputs_that_do_not_belong_together(client):
    path = "/v2/models/reranker/infer"
    alone = {"inputs": [tensor("text_pair", "a")]}
    assert "send one, 'text'" in refused(client, path, alone, 400)
    uneven = {"inputs": [tensor("text", "a"), tensor("text_pair", "a", "b")]}
    assert "as many of both" in refused(client, path, uneven, 400)
    assert "reads pairs" in refused(client, path, {"inputs": [tensor("text", "good")]})


def test_a_decision_is_not_asked_of_a_model_of_pairs(client):
    values = [{"value": "negative"}, {"value": "positive"}]
    question = {"name": "q", "type": "choice", "instructions": "Which?", "choices": values}
    body = {"model": "auto", "input": "good film", "questions": [question]}
    (given,) = answered(client, "/v1/decisions", body)["answers"]
    assert given["type"] == "choice", "the model of single texts with the same labels answers"
    refused = {**body, "model": "same"}
    assert answered(client, "/v1/decisions", refused)["answers"][0]["type"] == "refusal"


def test_tritons_configuration_has_the_tensors_of_the_metadata(client):
    for model in ("same", "sentiment"):
        metadata = client.get(f"/v2/models/{model}").json()
        config = client.get(f"/v2/models/{model}/config").json()
        for ours, theirs in (("inputs", "input"), ("outputs", "output")):
            assert [(each["name"], each["shape"]) for each in metadata[ours]] == [
                (each["name"], each["dims"]) for each in config[theirs]
            ]
