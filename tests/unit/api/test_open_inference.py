"""The Open Inference Protocol, byte by byte: what no client of it is needed for."""

import hashlib
import json
import re
import struct

import pytest

MODEL = "/v2/models/sentiment"
INFER = f"{MODEL}/infer"
GOOD = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good film", "bad"]}
KEY = "correct horse"


def infer(client, path=INFER, headers=None, **members):
    return client.post(path, json={"inputs": [GOOD], **members}, headers=headers)


def version_of(client):
    return client.get(MODEL).json()["versions"][0]


def with_binary(document, data, **headers):
    """A request of JSON followed by tensors."""
    header = json.dumps(document).encode()
    return {
        "content": header + data,
        "headers": {
            "content-type": "application/octet-stream",
            "inference-header-content-length": str(len(header)),
            **headers,
        },
    }


def test_the_server_returns_its_name_and_extensions(client):
    assert client.get("/v2").json() == {
        "name": "Evergreen",
        "version": "1",
        "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
    }


def test_a_model_returns_its_tensors(client):
    metadata = client.get(MODEL).json()
    assert metadata["name"] == "sentiment"
    assert metadata["platform"] == "onnx_onnxv1"
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert metadata["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "score", "datatype": "FP32", "shape": [-1]},
    ]
    assert metadata["versions"] == [client.get("/v1/models").json()["models"][0]["version"]]


def test_only_the_served_version_is_there(client):
    version = version_of(client)
    for path in (f"{MODEL}/versions/{version}", f"{MODEL}/versions/{version}/ready"):
        assert client.get(path).status_code == 200
    assert infer(client, f"{MODEL}/versions/{version}/infer").status_code == 200
    for answer in (
        client.get(f"{MODEL}/versions/1"),
        client.get(f"{MODEL}/versions/1/ready"),
        infer(client, f"{MODEL}/versions/1/infer"),
    ):
        assert answer.status_code == 404
        assert version in answer.json()["error"]


@pytest.mark.parametrize("path", ["", "/ready"])
def test_a_model_that_is_not_served_is_404_with_the_served_ones(client, path):
    answer = client.get(f"/v2/models/nonsense{path}")
    assert answer.status_code == 404
    assert "sentiment" in answer.json()["error"]


def test_json_tensors_are_answered_as_json(client):
    answer = infer(client, id="42")
    assert answer.headers["content-type"] == "application/json"
    assert "inference-header-content-length" not in answer.headers
    body = answer.json()
    label, score = body.pop("outputs")
    assert body == {
        "model_name": "sentiment",
        "model_version": version_of(client),
        "id": "42",
    }
    assert label == {
        "name": "label",
        "datatype": "BYTES",
        "shape": [2],
        "data": ["positive", "negative"],
    }
    assert (score["datatype"], score["shape"]) == ("FP32", [2])
    native = client.post("/v1/predict", json={"inputs": GOOD["data"]}).json()["predictions"]
    assert score["data"] == pytest.approx([p["score"] for p in native], rel=1e-6)


def test_without_an_id_the_answer_has_none(client):
    assert "id" not in infer(client).json()


def test_scores_in_json_are_the_numbers_that_single_precision_holds(client):
    scores = infer(client).json()["outputs"][1]["data"]
    assert scores == [struct.unpack("<f", struct.pack("<f", score))[0] for score in scores]


def test_a_column_of_texts_is_answered_like_a_row_of_them(client):
    column = {**GOOD, "shape": [2, 1]}
    nested = {**column, "data": [["good film"], ["bad"]]}
    answers = [infer(client, inputs=[tensor]).json() for tensor in (GOOD, column, nested)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["outputs"][0]["shape"] == [2]


def test_binary_tensors_go_both_ways(client):
    data = struct.pack("<I9sI3s", 9, b"good film", 3, b"bad")
    tensor = {key: value for key, value in GOOD.items() if key != "data"}
    document = {
        "inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}],
        "parameters": {"binary_data_output": True},
    }
    answer = client.post(INFER, **with_binary(document, data))
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    label, score = json.loads(answer.content[:length])["outputs"]
    tensors = answer.content[length:]
    assert label["parameters"] == {"binary_data_size": 24}
    assert score["parameters"] == {"binary_data_size": 8}
    assert "data" not in label
    assert "data" not in score
    assert tensors[:24] == struct.pack("<I8sI8s", 8, b"positive", 8, b"negative")
    as_json = infer(client).json()["outputs"][1]["data"]
    assert list(struct.unpack("<2f", tensors[24:])) == as_json


def test_a_json_length_may_cover_the_whole_body(client):
    answer = client.post(INFER, **with_binary({"inputs": [GOOD]}, b""))
    assert answer.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_an_answer_is_compressed_where_that_is_asked_for(client, encoding, binary):
    request = {
        "inputs": [{**GOOD, "shape": [60], "data": ["good"] * 60}],
        "parameters": {"binary_data_output": binary},
    }
    plain = client.post(INFER, json=request, headers={"accept-encoding": "identity"})
    packed = client.post(INFER, json=request, headers={"accept-encoding": encoding})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == encoding
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.content == plain.content
    length = "inference-header-content-length"
    assert packed.headers.get(length) == plain.headers.get(length)


def test_outputs_come_as_they_are_asked_for(client):
    body = infer(client, outputs=[{"name": "score"}, {"name": "label"}]).json()
    assert [output["name"] for output in body["outputs"]] == ["score", "label"]
    body = infer(client, outputs=[{"name": "label"}]).json()
    assert [output["name"] for output in body["outputs"]] == ["label"]


def test_an_output_overrides_the_form_that_the_request_asks_for(client):
    answer = infer(
        client,
        parameters={"binary_data_output": True},
        outputs=[{"name": "label", "parameters": {"binary_data": False}}, {"name": "score"}],
    )
    length = int(answer.headers["inference-header-content-length"])
    label, score = json.loads(answer.content[:length])["outputs"]
    assert label["data"] == ["positive", "negative"]
    assert score["parameters"] == {"binary_data_size": 8}
    assert len(answer.content) == length + 8


def test_a_long_text_can_be_truncated(client, log):
    long = {**GOOD, "shape": [1], "data": ["the " * 40]}
    for parameters, windows in ({"long_text": "truncate"}, 1), ({}, 16):
        assert infer(client, inputs=[long], parameters=parameters).status_code == 200
        assert 1 <= log[-1]["windows"] <= windows
    assert log[-1]["windows"] > 1


def test_members_and_parameters_of_other_servers_are_ignored(client):
    tensor = {**GOOD, "parameters": {"content_type": "str"}}
    answer = infer(client, inputs=[tensor], model_name="sentiment", parameters={"priority": 1})
    assert answer.status_code == 200
    empty = dict.fromkeys(("id", "parameters", "outputs"))
    assert infer(client, **empty).json() == infer(client).json()


def test_an_answer_names_the_version_and_its_timings_in_headers_too(client, log):
    answer = infer(client)
    assert answer.headers["x-model-version"] == version_of(client)
    assert "inference;dur=" in answer.headers["server-timing"]
    line = next(line for line in log if line["route"] == "/v2/models/{model}/infer")
    assert (line["status"], line["texts"], line["model"]) == (200, 2, "sentiment")
    assert "good film" not in str(log)


def test_until_the_model_is_loaded_nothing_is_ready(make_client):
    client = make_client(loaded=False)
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get(MODEL).status_code == 200
    for answer in (client.get("/v2/health/ready"), client.get(f"{MODEL}/ready"), infer(client)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_when_the_model_is_loaded_everything_is_ready(client):
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get(f"{MODEL}/ready").json() == {"name": "sentiment", "ready": True}


def test_a_key_guards_all_but_the_probes(make_client):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    client = make_client(AUTH="key", API_KEY_SHA256=digest)
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
    for path in ("/v2", MODEL, f"{MODEL}/ready"):
        assert client.get(path).status_code == 401
    assert infer(client).status_code == 401
    assert infer(client, headers={"authorization": "Bearer wrong"}).status_code == 403
    assert infer(client, headers={"authorization": f"Bearer {KEY}"}).status_code == 200


@pytest.mark.parametrize("path", [f"{MODEL}/trace/setting", "/v2/logging"])
def test_what_only_triton_has_is_404_with_an_error(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_every_status_is_in_the_document_and_so_are_both_forms_of_body(client):
    document = client.get("/openapi.json").json()
    paths = document["paths"]
    for path in ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"):
        operation = paths[path]["post"]
        for status in ("400", "401", "403", "404", "413", "415", "422", "429", "500", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"]
        forms = {"application/json", "application/octet-stream"}
        assert set(operation["requestBody"]["content"]) == forms
        assert set(operation["responses"]["200"]["content"]) == forms
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert {"InferenceRequest", "InputTensor", "InferenceResponse"} <= references
    assert references <= set(document["components"]["schemas"])
