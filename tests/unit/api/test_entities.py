"""A model that finds entities and one that classifies, in every protocol."""

import json
import struct

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.api.embedded_metrics import EmbeddedMetrics
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.server.prometheus import PrometheusMetrics
from function.settings import Settings, load_settings
from tests.embedded_metric_format import metrics_of
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

TEXT = "🐈 Ada Lovelace met Acme in New York."
SPANS = [("PER", "Ada Lovelace", 2, 14), ("ORG", "Acme", 19, 23), ("LOC", "New York", 27, 35)]
NER = "/v1/models/ner/predict"
INFER = "/v2/models/ner/infer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    return write_entity_artifact(models / "ner").parent


@pytest.fixture
def ran():
    """Names of the models that ran, in order."""
    return []


@pytest.fixture
def open_client(folder, ran, log):
    """A client of both models, of which one is the default."""

    class Watched(OnnxBackend):
        def __init__(self, artifact):
            super().__init__(artifact, 1)
            self._model = artifact.manifest.model

        def run(self, input_ids, attention_mask):
            ran.append(self._model)
            return super().run(input_ids, attention_mask)

    def open_client(default="sentiment"):
        catalog = Catalog(folder, default, Watched, max_windows=64)
        catalog.load()
        engine = DirectEngine(catalog)
        return TestClient(create_app(engine, load_settings(Settings, {}), log.append))

    return open_client


@pytest.fixture
def client(open_client):
    return open_client()


def predict(client, inputs, path=NER, **parameters):
    return client.post(path, json={"inputs": inputs, "parameters": parameters})


def spans(entities, label="label", text="text"):
    return [(each[label], each[text], each["start"], each["end"]) for each in entities]


def test_entities_have_offsets_in_code_points(client):
    body = predict(client, TEXT).json()
    (prediction,) = body["predictions"]
    assert spans(prediction["entities"]) == SPANS
    assert prediction.keys() == {"entities", "tokens", "windows", "truncated"}
    assert all(TEXT[each["start"] : each["end"]] == each["text"] for each in prediction["entities"])
    assert body["model"]["name"] == "ner"


def test_texts_are_answered_in_their_order_and_one_may_name_nothing(client):
    body = predict(client, ["met in", "Paris"]).json()
    assert [[each["text"] for each in one["entities"]] for one in body["predictions"]] == [
        [],
        ["Paris"],
    ]


def test_words_are_answered_one_by_one_if_asked_for(client):
    (prediction,) = predict(client, "met Ada Lovelace", grouping="words").json()["predictions"]
    assert spans(prediction["entities"]) == [("B-PER", "Ada", 4, 7), ("I-PER", "Lovelace", 8, 16)]


def test_the_models_route_lists_the_task_of_each(client):
    models = client.get("/v1/models").json()["models"]
    assert [(each["name"], each["task"], each["labels"]) for each in models] == [
        ("sentiment", "text-classification", ["negative", "positive"]),
        ("ner", "token-classification", ["LOC", "ORG", "PER"]),
    ]


@pytest.mark.parametrize(
    ("path", "parameters", "said"),
    [
        (NER, {"explain": True}, "explain: this model finds entities"),
        (NER, {"top_k": 1}, "top_k: this model finds entities"),
        ("/v1/predict", {"grouping": "words"}, "classifies whole texts"),
        ("/models/ner", {"top_k": 1}, "top_k"),
        ("/models/ner", {"function_to_apply": "sigmoid"}, "probabilities of tags"),
        ("/models/sentiment", {"aggregation_strategy": "none"}, "classifies whole texts"),
        ("/models/sentiment", {"ignore_labels": []}, "classifies whole texts"),
    ],
)
def test_what_only_the_other_task_has_is_refused_before_anything_is_read(
    client, ran, path, parameters, said
):
    answer = predict(client, "Paris", path, **parameters)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert ran == []


def test_the_document_describes_every_kind_of_prediction(client):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    kinds = schemas["PredictResponse"]["properties"]["predictions"]["anyOf"]
    assert {kind["items"]["$ref"].rpartition("/")[2] for kind in kinds} == {
        "PredictionSchema",
        "EntityPredictionSchema",
        "LabelsPredictionSchema",
        "ScorePredictionSchema",
        "EmbeddingPredictionSchema",
    }
    entity = schemas["EntitySchema"]
    assert set(entity["required"]) == {"label", "text", "start", "end", "score"}
    token = document["paths"]["/models/{model}"]["post"]["responses"]["200"]["content"]
    assert "TokenSchema" in json.dumps(token)


@pytest.mark.parametrize("strategy", ["simple", "first", "average", "max", None])
def test_hugging_faces_strategies_answer_whole_entities(client, strategy):
    entities = predict(client, TEXT, "/models/ner", aggregation_strategy=strategy).json()
    assert spans(entities, "entity_group", "word") == SPANS
    assert entities[0].keys() == {"entity_group", "score", "word", "start", "end"}


def test_without_a_strategy_words_are_numbered_in_text_order(client):
    words = predict(client, "met Ada Lovelace", "/models/ner", aggregation_strategy="none").json()
    assert [(each["entity"], each["word"], each["index"]) for each in words] == [
        ("B-PER", "Ada", 2),
        ("I-PER", "Lovelace", 3),
    ]
    assert words[0].keys() == {"entity", "index", "score", "word", "start", "end"}


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"ignore_labels": ["PER", "O"]}, [("ORG", "Acme")]),
        ({"ignore_labels": []}, [("PER", "Ada"), ("O", "met"), ("ORG", "Acme")]),
        ({"ignore_labels": ["ORG"]}, [("PER", "Ada"), ("O", "met")]),
        ({"ignore_labels": None}, [("PER", "Ada"), ("ORG", "Acme")]),
    ],
)
def test_labels_can_be_omitted(client, parameters, found):
    entities = predict(client, "Ada met Acme", "/models/ner", **parameters).json()
    assert [(each["entity_group"], each["word"]) for each in entities] == found


def test_tags_of_words_can_be_omitted(client):
    words = predict(
        client,
        "Ada Lovelace met",
        "/models/ner",
        aggregation_strategy="none",
        ignore_labels=["B-PER"],
    ).json()
    assert [(each["entity"], each["index"]) for each in words] == [("I-PER", 2), ("O", 3)]


def test_one_text_is_a_flat_list_and_several_are_a_list_each(client):
    assert predict(client, "in", "/models/ner").json() == []
    lists = predict(client, ["Paris", "in"], "/models/ner").json()
    assert [[each["word"] for each in entities] for entities in lists] == [["Paris"], []]
    assert predict(client, ["Paris"], "/models/ner").json() == lists[:1]


def test_an_unknown_strategy_is_refused(client):
    answer = predict(client, "Paris", "/models/ner", aggregation_strategy="last")
    assert answer.status_code == 422
    assert "aggregation_strategy" in answer.json()["error"]


def test_a_default_that_finds_entities_answers_where_none_is_named(open_client):
    client = open_client("ner")
    assert spans(predict(client, TEXT, "/").json(), "entity_group", "word") == SPANS
    (prediction,) = predict(client, TEXT, "/v1/predict").json()["predictions"]
    assert spans(prediction["entities"]) == SPANS


def test_predict_of_tei_refuses_a_default_that_finds_entities_before_it_reads(open_client, ran):
    answer = open_client("ner").post("/predict", json={"inputs": "Paris"})
    assert answer.status_code == 422
    assert answer.json()["error"] == (
        "/predict gives labels to whole texts, and the default model, 'ner', does not: "
        "ask /v1/predict"
    )
    assert answer.json()["error_type"] == "Validation"
    assert ran == []


def test_tensors_of_entities_are_in_the_metadata(client):
    metadata = client.get("/v2/models/ner").json()
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert metadata["outputs"] == [{"name": "entities", "datatype": "BYTES", "shape": [-1]}]


def infer(client, texts, **members):
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    return client.post(INFER, json={"inputs": [tensor], **members})


def test_entities_are_json_in_a_tensor_of_bytes(client):
    (output,) = infer(client, [TEXT, "in"]).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2])
    first, second = (json.loads(element) for element in output["data"])
    assert first == predict(client, TEXT).json()["predictions"][0]["entities"]
    assert second == []


def test_entities_in_binary_say_the_same(client):
    answer = infer(client, [TEXT, "in"], parameters={"binary_data_output": True})
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    data = answer.content[length:]
    assert output["parameters"] == {"binary_data_size": len(data)}
    size = struct.unpack("<I", data[:4])[0]
    assert spans(json.loads(data[4 : 4 + size])) == SPANS
    assert data[4 + size :] == struct.pack("<I2s", 2, b"[]")


@pytest.mark.parametrize("name", ["label", "score"])
def test_a_classifiers_tensors_are_not_to_be_had(client, ran, name):
    answer = infer(client, [TEXT], outputs=[{"name": name}])
    assert answer.status_code == 400
    assert "this model has entities" in answer.json()["error"]
    assert ran == []


def test_a_request_is_logged_by_label_and_by_the_mean_score_of_each_text(client, log):
    predict(client, [TEXT, "Paris", "in"])
    (line,) = log
    assert (line["model"], line["texts"], line["labels"]) == (
        "ner",
        3,
        {"PER": 1, "ORG": 1, "LOC": 2},
    )
    assert len(line["score"]) == 2, "of the texts that name something"
    assert all(0 < score <= 1 for score in line["score"])
    assert line["tokens_per_word"] == [1.111, 1, 1], "ten tokens of nine words"
    assert line["margin"] == []
    assert "Lovelace" not in json.dumps(line)


def test_a_text_that_names_nothing_is_logged_without_labels(client, log):
    predict(client, "in")
    assert (log[0]["texts"], log[0]["labels"], log[0]["score"]) == (1, {}, [])


def test_whole_entities_are_counted_however_they_were_asked_for(client, log):
    predict(client, TEXT)
    predict(client, TEXT, grouping="words")
    predict(client, TEXT, "/models/ner", aggregation_strategy="none")
    predict(client, TEXT, "/models/ner", ignore_labels=[])
    first, *others = [(line["labels"], line["score"]) for line in log]
    assert first[0] == {"PER": 1, "ORG": 1, "LOC": 1}
    assert others == [first] * 3


def test_metrics_of_the_function_count_entities_by_their_label(open_client, log, folder, capsys):
    predict(open_client(), [TEXT, "Paris"])
    models = Catalog(folder, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64).models()
    EmbeddedMetrics("here", models, cold=False)(log[0])
    metrics = metrics_of(capsys.readouterr().out)
    assert metrics["label_LOC"] == ("Count", [["service", "model"]], 2)
    assert metrics["label_PER"] == ("Count", [["service", "model"]], 1)
    assert len(metrics["score"][2]) == 2
    assert "margin" not in metrics


def test_metrics_of_the_server_count_entities_by_their_label(client, log):
    predict(client, [TEXT, "Paris"])
    metrics = PrometheusMetrics()
    metrics.count(log[0])
    text = metrics.exposition("")[0].decode()
    counted = [line for line in text.splitlines() if 'label="' in line and "_total{" in line]
    assert sorted(
        (line.split('label="')[1].split('"')[0], line.split()[-1]) for line in counted
    ) == [
        ("LOC", "2.0"),
        ("ORG", "1.0"),
        ("PER", "1.0"),
    ]
