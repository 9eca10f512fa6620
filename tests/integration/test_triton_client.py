"""Triton's own client, as it comes, against the server and against the Lambda."""

import json

import numpy as np
import pytest
from tritonclient.http import (  # type: ignore[import-untyped]
    InferenceServerClient,
    InferInput,
    InferRequestedOutput,
)
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

from tests.serving import running_function, running_server, wanting
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

KEY = "correct horse"
TEXTS = ["a good film", "a bad, dull film", "fine"]
LABELS = [b"positive", b"negative", b"positive"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(folder / "sentiment")
    return write_entity_artifact(folder / "ner").parent


@pytest.fixture(scope="module")
def address(models):
    with running_server(models, MAX_TEXTS="64") as server:
        yield server.address


@pytest.fixture
def client(address):
    with InferenceServerClient(address) as client:
        yield client


def tensor(texts, shape=None, name="text", datatype="BYTES", **options):
    """An input as the client's documentation makes one."""
    array = np.array(texts, dtype=np.object_ if datatype == "BYTES" else np.int32)
    array = array.reshape(shape or [len(texts)])
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **options)
    return made


def test_the_client_finds_the_server_and_the_model(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("sentiment")
    assert not client.is_model_ready("nonsense")
    extensions = client.get_server_metadata()["extensions"]
    assert extensions == ["binary_tensor_data", "model_configuration", "statistics"]
    metadata = client.get_model_metadata("sentiment")
    (version,) = metadata["versions"]
    assert client.is_model_ready("sentiment", version)
    assert client.get_model_metadata("sentiment", version) == metadata
    assert [entry["name"] for entry in metadata["inputs"]] == ["text"]
    assert [entry["datatype"] for entry in metadata["outputs"]] == ["BYTES", "FP32"]


def test_with_its_defaults_tensors_are_binary_both_ways(client):
    result = client.infer("sentiment", [tensor(TEXTS)])
    assert "binary_data_size" in result.get_output("label")["parameters"]
    assert result.as_numpy("label").tolist() == LABELS
    scores = result.as_numpy("score")
    assert (scores.dtype, scores.shape) == (np.float32, (3,))
    assert ((scores > 0.5) & (scores <= 1)).all()


def test_tools_find_the_configuration_of_a_model(client):
    config = client.get_model_config("sentiment")
    (given,), answers = config["input"], config["output"]
    assert (config["name"], config["max_batch_size"]) == ("sentiment", 0)
    assert given == {"name": "text", "data_type": "TYPE_STRING", "dims": [-1]}
    assert [(each["name"], each["data_type"]) for each in answers] == [
        ("label", "TYPE_STRING"),
        ("score", "TYPE_FP32"),
    ]
    (version,) = client.get_model_metadata("sentiment")["versions"]
    assert client.get_model_config("sentiment", version) == config
    with pytest.raises(InferenceServerException, match="no version '9'"):
        client.get_model_config("sentiment", "9")


def test_statistics_count_texts_requests_and_time(client):
    def counted(model="sentiment", version=""):
        (found,) = client.get_inference_statistics(model, version)["model_stats"]
        return found

    before = counted()
    client.infer("sentiment", [tensor(TEXTS)])
    after = counted()
    assert after["inference_count"] - before["inference_count"] == len(TEXTS)
    assert after["execution_count"] - before["execution_count"] == 1
    assert after["last_inference"] > before["last_inference"]
    for stage in ("success", "compute_input", "compute_infer", "compute_output"):
        was, is_now = (each["inference_stats"][stage] for each in (before, after))
        assert is_now["count"] - was["count"] == 1
        assert is_now["ns"] > was["ns"]
    assert counted(version=after["version"]) == after
    every = client.get_inference_statistics()["model_stats"]
    assert [each["name"] for each in every] == ["sentiment", "ner"]


def test_a_model_that_nobody_asked_has_statistics_of_zero(models):
    with running_server(models) as server, InferenceServerClient(server.address) as client:
        (found,) = client.get_inference_statistics("ner")["model_stats"]
    assert (found["inference_count"], found["last_inference"]) == (0, 0)
    assert found["inference_stats"]["success"] == {"count": 0, "ns": 0}


def test_the_repository_lists_what_is_served(client):
    index = client.get_model_repository_index()
    assert [(each["name"], each["state"]) for each in index] == [
        ("sentiment", "READY"),
        ("ner", "READY"),
    ]


NAMING = ["🐈 Ada Lovelace met Acme.", "met in", "Paris"]
SPANS = [[("PER", 2, 14), ("ORG", 19, 23)], [], [("LOC", 0, 5)]]


def spans(result):
    """The entities of each text, from an element of the tensor."""
    return [
        [(each["label"], each["start"], each["end"]) for each in json.loads(element)]
        for element in result.as_numpy("entities")
    ]


def test_entities_come_as_json_in_a_tensor_of_bytes(client):
    (output,) = client.get_model_metadata("ner")["outputs"]
    assert output == {"name": "entities", "datatype": "BYTES", "shape": [-1]}
    result = client.infer("ner", [tensor(NAMING)])
    assert "binary_data_size" in result.get_output("entities")["parameters"]
    assert result.as_numpy("entities").shape == (3,)
    assert spans(result) == SPANS


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_entities_in_json_say_the_same(client, compression):
    result = client.infer(
        "ner",
        [tensor(NAMING, binary_data=False)],
        outputs=[InferRequestedOutput("entities", binary_data=False)],
        response_compression_algorithm=compression,
    )
    assert "data" in result.get_output("entities")
    assert spans(result) == SPANS


def test_tensors_in_json_say_the_same(client):
    in_binary = client.infer("sentiment", [tensor(TEXTS)])
    result = client.infer(
        "sentiment",
        [tensor(TEXTS, binary_data=False)],
        outputs=[InferRequestedOutput(name, binary_data=False) for name in ("label", "score")],
    )
    assert "data" in result.get_output("score")
    assert result.as_numpy("label").tolist() == [label.decode() for label in LABELS]
    assert (result.as_numpy("score") == in_binary.as_numpy("score")).all()


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_each_side_chooses_its_form(client, binary_in, binary_out):
    result = client.infer(
        "sentiment",
        [tensor(TEXTS, shape=[3, 1], binary_data=binary_in)],
        outputs=[InferRequestedOutput("score", binary_data=binary_out)],
        request_id="no. 7",
    )
    assert result.get_response()["id"] == "no. 7"
    assert result.as_numpy("label") is None
    assert result.as_numpy("score").shape == (3,)


def test_one_output_in_binary_and_one_in_json(client):
    outputs = [InferRequestedOutput("score"), InferRequestedOutput("label", binary_data=False)]
    result = client.infer("sentiment", [tensor(TEXTS)], outputs=outputs)
    assert result.as_numpy("label").tolist() == [label.decode() for label in LABELS]
    assert len(result.as_numpy("score")) == 3


def test_a_version_can_be_named(client):
    (version,) = client.get_model_metadata("sentiment")["versions"]
    result = client.infer("sentiment", [tensor(TEXTS)], model_version=version)
    assert result.get_response()["model_version"] == version


@pytest.mark.parametrize("asked", [None, "gzip", "deflate"])
@pytest.mark.parametrize("sent", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_compression_both_ways(client, sent, asked, binary):
    outputs = [InferRequestedOutput(name, binary_data=binary) for name in ("label", "score")]
    result = client.infer(
        "sentiment",
        [tensor(TEXTS * 20, binary_data=binary)],
        outputs=outputs,
        request_compression_algorithm=sent,
        response_compression_algorithm=asked,
    )
    labels = [label if binary else label.decode() for label in LABELS * 20]
    assert result.as_numpy("label").tolist() == labels


def test_many_requests_at_once(address):
    with InferenceServerClient(address, concurrency=8) as client:
        batches = [TEXTS[: 1 + number % 3] for number in range(24)]
        asked = [client.async_infer("sentiment", [tensor(batch)]) for batch in batches]
        for batch, request in zip(batches, asked, strict=True):
            labels = request.get_result(timeout=60).as_numpy("label").tolist()
            assert labels == LABELS[: len(batch)]


def test_text_in_any_script_arrives_whole(client):
    texts = ["これは good です", "плохо bad", "🎬 fine", "fi\0lm good"]
    result = client.infer("sentiment", [tensor(texts)])
    assert result.as_numpy("label").tolist() == [LABELS[i] for i in (0, 1, 0, 0)]


ERRORS = {
    "an unknown model": ({"model_name": "nonsense"}, "404", "served: ner, sentiment"),
    "an unknown version": ({"model_version": "1"}, "404", "no version '1'"),
    "another datatype": (
        {"inputs": [tensor([1, 2], datatype="INT32")]},
        "400",
        "send BYTES",
    ),
    "another input": ({"inputs": [tensor(TEXTS, name="input_ids")]}, "400", "'text'"),
    "no input": ({"inputs": []}, "400", "send one, 'text'"),
    "an input without data": ({"inputs": [InferInput("text", [1], "BYTES")]}, "400", "data"),
    "a wide shape": ({"inputs": [tensor(TEXTS, shape=[1, 3])]}, "400", "[n] or [n, 1]"),
    "no texts": ({"inputs": [tensor([], shape=[0])]}, "400", "[n] or [n, 1]"),
    "bytes that are no utf-8": ({"inputs": [tensor([b"\xff\xfe"])]}, "400", "UTF-8"),
    "an empty text": ({"inputs": [tensor(["good", ""])]}, "422", "text 1 is empty"),
    "too many texts": ({"inputs": [tensor(["good"] * 65)]}, "413", "at most 64"),
    "an unknown output": (
        {"outputs": [InferRequestedOutput("logits")]},
        "400",
        "this model has label, score",
    ),
    "classes": (
        {"outputs": [InferRequestedOutput("score", class_count=2)]},
        "400",
        "no classification here",
    ),
}


@pytest.mark.parametrize(("wrong", "status", "said"), ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_errors_reach_the_caller_in_plain_words(client, wrong, status, said, compression):
    request = {"model_name": "sentiment", "inputs": [tensor(TEXTS)], **wrong}
    with pytest.raises(InferenceServerException) as caught:
        client.infer(
            **request,
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
    assert caught.value.status() == status
    assert said in caught.value.message()


def test_a_shape_that_lies_about_its_data_is_refused(client):
    lying = tensor(TEXTS)
    lying.set_shape([2])
    with pytest.raises(InferenceServerException, match="bytes are left"):
        client.infer("sentiment", [lying])


def test_a_tensor_that_breaks_off_is_refused(client):
    broken = tensor(TEXTS)
    broken._raw_data = broken._raw_data[:-2]
    with pytest.raises(InferenceServerException, match="but"):
        client.infer("sentiment", [broken])


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.load_model("sentiment"),
        lambda client: client.get_system_shared_memory_status(),
    ],
)
def test_what_is_no_part_of_the_protocol_is_reported_as_missing(client, ask):
    with pytest.raises(InferenceServerException, match="no such route") as caught:
        ask(client)
    assert caught.value.status() == "404"


def test_a_key_is_passed_as_a_header(models):
    with (
        running_server(models, **wanting(KEY)) as server,
        InferenceServerClient(server.address) as client,
    ):
        assert client.is_server_ready()
        with pytest.raises(InferenceServerException, match="this service wants a key"):
            client.infer("sentiment", [tensor(TEXTS)])
        headers = {"Authorization": f"Bearer {KEY}"}
        assert client.get_model_metadata("sentiment", headers=headers)["name"] == "sentiment"
        result = client.infer("sentiment", [tensor(TEXTS)], headers=headers)
        assert result.as_numpy("label").tolist() == LABELS


@pytest.fixture(scope="module")
def function(bundled_models, tmp_path_factory):
    """The address of a Lambda with the bundled model, and the tiny one that finds entities."""
    folder = tmp_path_factory.mktemp("lambda")
    (folder / "sentiment").symlink_to(bundled_models / "sentiment")
    write_entity_artifact(folder / "ner")
    with running_function(folder) as url:
        yield url.removeprefix("http://")


@pytest.mark.model
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_the_lambda_answers_the_client_too(function, compression, binary):
    with InferenceServerClient(function) as client:
        assert client.is_model_ready("sentiment")
        result = client.infer(
            "sentiment",
            [tensor(["A warm, funny and moving film.", "A dull waste."], binary_data=binary)],
            outputs=[InferRequestedOutput(name, binary_data=binary) for name in ("label", "score")],
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
        labels = np.array(result.as_numpy("label"), dtype=np.bytes_)
        assert labels.tolist() == [b"positive", b"negative"]
        assert result.as_numpy("score").shape == (2,)


@pytest.mark.model
@pytest.mark.parametrize("binary", [True, False])
def test_the_lambda_finds_entities_for_the_client_too(function, binary):
    with InferenceServerClient(function) as client:
        result = client.infer(
            "ner",
            [tensor(NAMING, binary_data=binary)],
            outputs=[InferRequestedOutput("entities", binary_data=binary)],
        )
        assert spans(result) == SPANS


@pytest.mark.model
def test_the_lambda_reports_to_the_client_what_is_wrong(function):
    with InferenceServerClient(function) as client:
        with pytest.raises(InferenceServerException, match="not UTF-8") as caught:
            client.infer("sentiment", [tensor([b"\xff\xfe"])])
        assert caught.value.status() == "400"
