"""Bad tensors of every kind: the answer is a 4xx problem that says what to do."""

import gzip
import json
import struct
import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from function.api.problems import MEDIA_TYPE

INFER = "/v2/models/sentiment/infer"
JSON_LENGTH = "inference-header-content-length"
TEXT = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}
HUGE = 2**63 - 1


def document(outputs=(), **tensor):
    inputs = [{key: value for key, value in {**TEXT, **tensor}.items() if value is not None}]
    return json.dumps({"inputs": inputs, "outputs": list(outputs)}).encode()


def output(name="score", **parameters):
    return document([{"name": name, "parameters": parameters}])


def followed_by(
    data: bytes, size: object = None, shape: Sequence[int] = (1,)
) -> tuple[bytes, bytes]:
    """JSON that says that a tensor follows it, and what does."""
    size = len(data) if size is None else size
    return document(data=None, shape=list(shape), parameters={"binary_data_size": size}), data


ONE = struct.pack("<I4s", 4, b"good")

JSON = {
    "no inputs": (b'{"inputs": []}', 400, "send one"),
    "no member inputs": (b"{}", 400, "inputs: Field required"),
    "two inputs": (
        json.dumps({"inputs": [TEXT, TEXT]}).encode(),
        400,
        "2 inputs: send one",
    ),
    "another input": (document(name="input_ids"), 400, "'input_ids': send one input, 'text'"),
    "a name of a megabyte": (document(name="x" * 1_000_000), 400, "send one input"),
    "another datatype": (document(datatype="INT32", data=[1]), 400, "valid string"),
    "another datatype of texts": (document(datatype="FP32"), 400, "'FP32': send BYTES"),
    "no shape": (document(shape=[]), 400, "send [n] or [n, 1]"),
    "a shape of nothing": (document(shape=[0], data=[]), 400, "send [n] or [n, 1]"),
    "a wide shape": (document(shape=[1, 2], data=["a", "b"]), 400, "send [n] or [n, 1]"),
    "a deep shape": (document(shape=[1, 1, 1]), 400, "send [n] or [n, 1]"),
    "a negative shape": (document(shape=[-1]), 400, "shape.0"),
    "a shape that overflows": (document(shape=[2**64]), 400, "shape.0"),
    "a product that overflows": (document(shape=[HUGE, HUGE]), 400, "send [n] or [n, 1]"),
    "a broken shape": (document(shape=[1.5]), 400, "valid integer"),
    "a shape of another count": (document(shape=[2]), 400, "has 1 elements; its shape says 2"),
    "a huge shape": (document(shape=[HUGE]), 413, "texts in one request"),
    "a number": (document(data=[1]), 400, "inputs.0.data.0"),
    "a row of two": (document(data=[["a", "b"]]), 400, "inputs.0.data.0"),
    "rows and texts": (document(data=["a", ["b"]], shape=[2]), 400, "inputs.0.data.1"),
    "no data": (document(data=None), 400, "in 'data' or as binary data"),
    "an empty text": (document(data=[""]), 422, "text 0 is empty"),
    "white space": (document(data=[" \n"]), 422, "text 0 is empty"),
    "too many texts": (document(data=["a"] * 129, shape=[129]), 413, "129 texts"),
    "too many characters": (document(data=["x" * 50_001]), 413, "characters"),
    "five megabytes": (document(data=["x" * 5_000_000]), 413, "bytes"),
    "a lone surrogate": (
        b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["\\ud800"]}]}',
        400,
        "not JSON",
    ),
    "an unknown output": (output("logits"), 400, "'logits'; this model has label, score"),
    "an output twice": (document([{"name": "label"}] * 2), 400, "asked for twice"),
    "classes": (output(classification=2), 400, "no classification here"),
    "shared memory": (output(shared_memory_region="x"), 400, "no shared_memory_region here"),
    "a form that is no boolean": (output(binary_data="yes"), 400, "binary_data"),
    "a wrong choice": (
        json.dumps({"inputs": [TEXT], "parameters": {"long_text": "skip"}}).encode(),
        400,
        "long_text",
    ),
    "an id that is no string": (
        json.dumps({"inputs": [TEXT], "id": 42}).encode(),
        400,
        "id: Input should be a valid string",
    ),
    "a list": (b"[]", 400, "the body"),
    "nothing": (b"", 400, "not JSON"),
    "truncated json": (document()[:-3], 400, "not JSON"),
    "invalid utf-8": (b'{"inputs": "\xff"}', 400, "not JSON"),
    "deep brackets": (b"[" * 100_000, 400, "not JSON"),
    "deep brackets that are ignored": (b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, ""),
    "a number of many digits": (document().replace(b"[1]", b"[" + b"9" * 100_000 + b"]"), 400, ""),
}

BINARY = {
    "a size that lies upwards": (*followed_by(ONE, size=9), "9 bytes of binary data, but 8 follow"),
    "a size that lies downwards": (
        *followed_by(ONE, size=7),
        "7 bytes of binary data, but 8 follow",
    ),
    "a negative size": (*followed_by(ONE, size=-8), "binary_data_size"),
    "a huge size": (*followed_by(ONE, size=HUGE), "of binary data, but 8 follow"),
    "a broken size": (*followed_by(ONE, size=8.5), "binary_data_size"),
    "a size and no data": (*followed_by(b"", size=8), "8 bytes of binary data, but 0 follow"),
    "data and no size": (document(), ONE, "0 bytes of binary data, but 8 follow"),
    "data in both forms": (
        document(parameters={"binary_data_size": len(ONE)}),
        ONE,
        "in 'data' or as binary data",
    ),
    "fewer elements than the shape": (*followed_by(ONE, shape=[2]), "ends after 1 elements"),
    "more elements than the shape": (*followed_by(ONE + ONE), "8 bytes are left"),
    "a length that is cut": (*followed_by(ONE + b"\1\0", shape=[2]), "ends after 1 elements"),
    "an element that is cut": (*followed_by(ONE[:-1]), "says that it has 4 bytes; 3 are left"),
    "an element of four gigabytes": (*followed_by(b"\xff\xff\xff\xffgood"), "4294967295 bytes"),
    "an element in the next one": (
        *followed_by(struct.pack("<I4sI4s", 6, b"good", 4, b"good"), shape=[2]),
        "says that it has",
    ),
    "trailing bytes": (*followed_by(ONE + b"\0"), "1 bytes are left"),
    "bytes that are no utf-8": (
        *followed_by(struct.pack("<I2s", 2, b"\xff\xfe")),
        "text 0 is not UTF-8",
    ),
}


def check(answer, status, said):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["error"] == problem["detail"]
    assert said in problem["error"]
    assert len(problem["error"]) < 300


def send(client, header, data=b"", length=None, **headers):
    length = str(len(header)) if length is None else length
    headers = {"content-type": "application/octet-stream", JSON_LENGTH: length, **headers}
    return client.post(INFER, content=header + data, headers=headers)


@pytest.mark.parametrize(("body", "status", "said"), JSON.values(), ids=JSON.keys())
def test_bad_json_is_refused_with_a_problem(client, body, status, said):
    answer = client.post(INFER, content=body, headers={"content-type": "application/json"})
    check(answer, status, said)


@pytest.mark.parametrize(("header", "data", "said"), BINARY.values(), ids=BINARY.keys())
def test_bad_tensors_are_refused_with_a_problem(client, header, data, said):
    check(send(client, header, data), 400, said)


@pytest.mark.parametrize("length", ["-1", "9" * 15, "9" * 5000, "1e3", "0x10", "", "many", "1,1"])
def test_a_length_of_json_that_is_none_is_refused(client, length):
    check(send(client, *followed_by(ONE), length=length), 400, JSON_LENGTH)


@pytest.mark.parametrize("length", ["0", "1", "40"])
def test_a_length_of_json_that_cuts_it_is_refused(client, length):
    check(send(client, *followed_by(ONE), length=length), 400, "not JSON")


def test_more_texts_than_allowed_are_refused_before_they_are_read(client):
    no_tensor = b"\xff" * 1_000_000
    check(send(client, *followed_by(no_tensor, shape=[129])), 413, "129 texts")


def test_a_million_faults_cost_no_more_than_one(client):
    body = document(data=[0]).replace(b"[0]", b"[" + b"0," * 1_500_000 + b"0]")
    started = time.perf_counter()
    answer = client.post(INFER, content=body, headers={"content-type": "application/json"})
    check(answer, 400, "inputs.0.data.0")
    assert time.perf_counter() - started < 3


def test_tensors_without_a_length_of_json_are_refused_as_a_media_type(client):
    headers = {"content-type": "application/octet-stream"}
    answer = client.post(INFER, content=document(), headers=headers)
    check(answer, 415, JSON_LENGTH)


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data"])
def test_other_media_types_are_refused(client, media_type):
    headers = {"content-type": media_type, JSON_LENGTH: "10"}
    check(client.post(INFER, content=document(), headers=headers), 415, "application/octet-stream")


def test_other_routes_take_no_tensors(client):
    headers = {"content-type": "application/octet-stream", JSON_LENGTH: "18"}
    answer = client.post("/v1/predict", content=b'{"inputs": "good"}', headers=headers)
    check(answer, 415, "application/json")


def test_tensors_that_unpack_to_too_much_are_refused(client):
    header, data = followed_by(b"\0" * 50_000_000)
    answer = send(
        client,
        gzip.compress(header + data),
        length=str(len(header)),
        **{"content-encoding": "gzip"},
    )
    check(answer, 413, "bytes")


def test_an_error_is_never_compressed_for_clients_would_not_unpack_it(client):
    answer = client.post(
        INFER, content=document(name="x"), headers={"accept-encoding": "gzip, deflate"}
    )
    assert answer.status_code == 400
    assert "content-encoding" not in answer.headers


PIECES = st.lists(
    st.sampled_from(
        [b"\0\0\0\0", b"\4\0\0\0good", b"\1\0\0\0a", b"\xff\xff\xff\xff", b"x", b"\xc3"]
    ),
    max_size=6,
).map(b"".join)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=PIECES | st.binary(max_size=40),
    size=st.none() | st.integers(-2, 50) | st.integers(),
    shape=st.lists(st.integers(-1, 4) | st.integers(), max_size=3),
    shift=st.integers(-3, 3),
)
def test_no_lie_about_sizes_breaks_anything(client, data, size, shape, shift):
    header = document(data=None, shape=shape, parameters={"binary_data_size": size})
    answer = send(client, header, data, length=str(len(header) + shift))
    assert answer.status_code in (200, 400, 413, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["outputs"][0]["shape"] == shape[:1]
