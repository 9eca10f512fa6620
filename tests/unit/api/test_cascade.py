"""A model with a cascade: each answer and each signal names the stage that answered."""

import json

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.api.embedded_metrics import EmbeddedMetrics
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.settings import Settings, load_settings
from tests.embedded_metric_format import metrics_of
from tests.tiny import CASCADE, write_artifact
from tests.tiny_entities import write_entity_artifact

TEXTS = ["good film", "dull film", "bad"]  # the first stage is sure of the first and the last
STAGES = ["first", "full", "first"]
TENSOR = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment", cascade=CASCADE)
    write_artifact(models / "other", model="other")
    write_entity_artifact(models / "ner")
    catalog = Catalog(models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    return catalog


@pytest.fixture
def make_client(catalog, log):
    def make(sink=log.append):
        settings = load_settings(Settings, {"PREDICTION_LOG": "true"})
        return TestClient(create_app(DirectEngine(catalog), settings, sink))

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def stages(answer):
    return [prediction["stage"] for prediction in answer.json()["predictions"]]


def test_each_prediction_names_its_stage(client):
    assert stages(client.post("/v1/predict", json={"inputs": TEXTS})) == STAGES
    assert stages(client.get("/v1/predict", params={"text": "good"})) == ["first"]


def test_with_the_cascade_off_the_full_model_answers(client):
    off = {"inputs": TEXTS, "parameters": {"cascade": "off"}}
    answer = client.post("/v1/models/sentiment/predict", json=off)
    assert stages(answer) == ["full"] * 3
    assert [each["windows"] for each in answer.json()["predictions"]] == [1] * 3
    answer = client.get("/v1/predict", params={"text": "good", "cascade": "off"})
    assert stages(answer) == ["full"]


@pytest.mark.parametrize("cascade", ["auto", "off"])
def test_a_model_without_a_cascade_answers_by_itself_either_way(client, cascade):
    body = {"inputs": TEXTS, "parameters": {"cascade": cascade}}
    assert stages(client.post("/v1/models/other/predict", json=body)) == ["full"] * 3


def test_a_model_that_finds_entities_takes_it_by_default_alone(client):
    for cascade, status in ("auto", 200), ("off", 422):
        body = {"inputs": "Ada", "parameters": {"cascade": cascade}}
        answer = client.post("/v1/models/ner/predict", json=body)
        assert answer.status_code == status
    assert answer.json()["detail"].startswith("cascade: this model finds entities")


@pytest.mark.parametrize("cascade", ["on", None, True, 1])
def test_another_value_is_refused_by_name(client, cascade):
    body = {"inputs": "good", "parameters": {"cascade": cascade}}
    answer = client.post("/v1/predict", json=body)
    assert answer.status_code == 422
    assert "parameters.cascade" in answer.json()["detail"]


def test_the_models_route_lists_which_model_has_one(client):
    models = client.get("/v1/models").json()["models"]
    assert {model["name"]: model["cascade"] for model in models} == {
        "sentiment": True,
        "other": False,
        "ner": False,
    }


def test_highlights_come_from_the_stage_that_answered(client):
    (first,), (full,) = (
        client.post(
            "/v1/predict",
            json={"inputs": "good film", "parameters": {"explain": True, "cascade": cascade}},
        ).json()["predictions"]
        for cascade in ("auto", "off")
    )
    # One n-gram in place of three: the first stage would be surer without "film".
    assert first["highlights"][1]["weight"] < -0.9
    assert full["highlights"][1]["weight"] == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", {"inputs": TEXTS}),
        ("/models/sentiment", {"inputs": TEXTS}),
        ("/predict", {"inputs": [[text] for text in TEXTS]}),
        ("/v2/models/sentiment/infer", {"inputs": [TENSOR]}),
    ],
)
def test_other_protocols_answer_in_their_own_form_and_log_the_stage(client, log, lines, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert "stage" not in answer.text
    assert [line["stage"] for line in lines()] == STAGES
    assert (log[0]["texts"], log[0]["texts_first"], log[0]["texts_full"]) == (3, 2, 1)


def test_the_open_inference_protocol_takes_it_as_a_parameter(client, log):
    for parameters in {}, {"cascade": "off"}:
        body = {"inputs": [TENSOR], "parameters": parameters}
        assert client.post("/v2/models/sentiment/infer", json=body).status_code == 200
    assert [line["texts_first"] for line in log] == [2, 0]


def test_the_log_counts_texts_by_stage_and_no_first_ones_without_a_cascade(client, log):
    for model in "sentiment", "other", "ner":
        client.post(f"/v1/models/{model}/predict", json={"inputs": TEXTS})
    assert [line.get("texts_first") for line in log] == [2, None, None]
    assert [line["texts_full"] for line in log] == [1, 3, 3]


def test_cloudwatch_gets_the_number_of_texts_answered_first(catalog, make_client, capsys):
    client = make_client(EmbeddedMetrics("evergreen-dev", catalog.models(), cold=False))
    client.post("/v1/predict", json={"inputs": TEXTS})
    client.post("/v1/models/other/predict", json={"inputs": TEXTS})
    out = capsys.readouterr().out.splitlines()
    ours, other = [metrics_of(line) for line in out if "_aws" in json.loads(line)]
    assert ours["texts_first"] == ("Count", [["service", "model"]], 2)
    assert ours["texts"][2] == 3
    assert "texts_first" not in other


def test_the_document_describes_parameter_and_stage(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Parameters"]["properties"]["cascade"]["enum"] == ["auto", "off"]
    assert schemas["PredictionSchema"]["properties"]["stage"]["enum"] == ["first", "full"]
    assert "stage" in schemas["PredictionSchema"]["required"]
