"""Bad input of every kind: the answer is a 4xx problem that says what to do."""

import asyncio
import gzip
import json
import time

import pytest

from function.api.body import BodyMiddleware
from function.api.problems import MEDIA_TYPE

JSON = {"content-type": "application/json"}


def inputs(value, **parameters):
    return json.dumps({"inputs": value, "parameters": parameters}).encode()


BAD = {
    "empty text": (inputs(""), 422, "inputs"),
    "white space": (inputs(" \n\t"), 422, "empty"),
    "other white space": (inputs("\u00a0\u2003\u3000"), 422, "empty"),
    "empty list": (inputs([]), 422, "inputs"),
    "an empty text in a list": (inputs(["good", ""]), 422, "text 1"),
    "five megabytes": (inputs("x" * 5_000_000), 413, "bytes"),
    "a million characters": (inputs("x" * 1_000_000), 413, "characters"),
    "ten thousand texts": (inputs(["good"] * 10_000), 413, "texts"),
    "a lone surrogate": (b'{"inputs": "\\ud800"}', 422, "inputs"),
    "invalid utf-8": (b'{"inputs": "\xff\xfe"}', 400, ""),
    "a number": (inputs(5), 422, "send a text"),
    "a list of numbers": (inputs(["good", 5]), 422, r"inputs[1]"),
    "null": (inputs(None), 422, "send a text"),
    "no inputs": (b"{}", 422, "inputs"),
    "a list as body": (b"[]", 422, "body"),
    "nan as top_k": (b'{"inputs": "good", "parameters": {"top_k": NaN}}', 422, "top_k"),
    "infinity as top_k": (b'{"inputs": "good", "parameters": {"top_k": Infinity}}', 422, "top_k"),
    "a top_k of zero": (inputs("good", top_k=0), 422, "top_k"),
    "an unknown parameter": (inputs("good", temperature=1), 422, "temperature"),
    "an unknown member": (b'{"inputs": "good", "extra": 1}', 422, "extra"),
    "a number for a choice": (inputs("good", explain=0), 422, "explain"),
    "a choice for a number": (inputs("good", top_k=True), 422, "top_k"),
    "a text for a number": (inputs("good", top_k="1"), 422, "top_k"),
    "utf-16": (inputs("good").decode().encode("utf-16"), 400, ""),
    "utf-32": (inputs("good").decode().encode("utf-32-be"), 400, ""),
    "a wrong choice": (inputs("good", long_text="skip"), 422, "long_text"),
    "truncated json": (b'{"inputs": "goo', 400, "JSON"),
    "nothing": (b"", 422, "body"),
    "deep brackets": (b"[" * 3000 + b"]" * 3000, (400, 422), ""),
    "deep brackets as inputs": (
        b'{"inputs": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        (400, 422),
        "",
    ),
}


@pytest.mark.parametrize(("body", "status", "said"), BAD.values(), ids=BAD.keys())
def test_bad_bodies_are_refused_with_a_problem(client, body, status, said):
    answer = client.post("/v1/predict", content=body, headers=JSON)
    assert answer.status_code in (status if isinstance(status, tuple) else (status,))
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["error"] == problem["detail"]
    assert said in problem["detail"]
    assert len(problem["detail"]) < 500


def test_nul_bytes_are_read_as_white_space_or_refused(client):
    answer = client.post("/v1/predict", content=inputs("good\0film"), headers=JSON)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "application/vnd.x+json", "text/x+json"]
)
def test_json_of_any_name_is_read(client, media_type):
    headers = {"content-type": media_type}
    assert client.post("/v1/predict", content=inputs("good"), headers=headers).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(client, media_type):
    answer = client.post(
        "/v1/predict", content=inputs("good"), headers={"content-type": media_type}
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_another_encoding_is_refused(client):
    headers = {**JSON, "content-encoding": "br"}
    answer = client.post("/v1/predict", content=inputs("good"), headers=headers)
    assert answer.status_code == 415


def test_a_body_that_only_claims_to_be_compressed_is_refused(client):
    headers = {**JSON, "content-encoding": "gzip"}
    answer = client.post("/v1/predict", content=inputs("good"), headers=headers)
    assert answer.status_code == 400


def test_a_compressed_body_that_ends_early_is_refused(client):
    headers = {**JSON, "content-encoding": "gzip"}
    body = gzip.compress(inputs("good " * 500))[:-12]
    assert client.post("/v1/predict", content=body, headers=headers).status_code == 400


def test_what_follows_a_compressed_body_is_not_dropped_in_silence(client):
    headers = {**JSON, "content-encoding": "gzip"}
    body = gzip.compress(inputs("good")) + gzip.compress(inputs("bad"))
    answer = client.post("/v1/predict", content=body, headers=headers)
    assert answer.status_code == 400
    assert "send one stream" in answer.json()["detail"]


def test_a_body_that_its_connection_cut_off_is_refused():
    async def app(*_):
        pytest.fail("a part of a body went on as if it were all")

    messages = [
        {"type": "http.request", "body": b'{"inputs": "goo', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
    asyncio.run(BodyMiddleware(app, 1000)(scope, receive, send))
    assert sent[0]["status"] == 400


def test_a_small_body_that_unpacks_to_too_much_is_refused(client):
    headers = {**JSON, "content-encoding": "gzip"}
    body = gzip.compress(b" " * 50_000_000)
    assert len(body) < 100_000
    assert client.post("/v1/predict", content=body, headers=headers).status_code == 413


def test_a_body_of_many_chunks_is_bounded_too(make_client):
    client = make_client(MAX_BODY_BYTES="2048")
    chunks = (b"x" * 1024 for _ in range(10))
    assert client.post("/v1/predict", content=chunks, headers=JSON).status_code == 413


def test_too_many_windows_are_refused(make_client):
    request = inputs(["good " * 300] * 5)
    answer = make_client().post("/v1/predict", content=request, headers=JSON)
    assert answer.status_code == 413
    assert "windows" in answer.json()["detail"]


def test_an_unknown_model_is_refused_with_the_served_ones(client):
    answer = client.post("/v1/models/nonsense/predict", content=inputs("good"), headers=JSON)
    assert answer.status_code == 404
    assert "sentiment" in answer.json()["detail"]


def test_an_unknown_route_points_to_the_documentation(client):
    answer = client.get("/v2/unknown")
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert "/docs" in answer.json()["detail"]


def test_a_wrong_method_names_the_right_ones(client):
    answer = client.delete("/v1/predict")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET, HEAD, POST"),
        ("/v1/predict", "GET, POST"),
        ("/v1/models", "GET"),
        ("/v2/models/sentiment/infer", "POST"),
    ],
)
def test_a_wrong_method_is_told_all_of_the_path_s(client, path, methods):
    answer = client.request("TRACE", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/"])
def test_balancers_may_probe_with_head(client, path):
    answer = client.head(path)
    assert (answer.status_code, "POST" in answer.headers.get("allow", "")) == (200, False)


def test_a_byte_order_mark_of_utf_8_is_no_part_of_the_json(client):
    answer = client.post("/v1/predict", content=b"\xef\xbb\xbf" + inputs("good"), headers=JSON)
    assert answer.status_code == 200


def test_a_missing_query_text_is_refused(client):
    assert client.get("/v1/predict").status_code == 422


@pytest.mark.parametrize("inputs", [r'"a \ud800"', r'["fine", "\udc00 b"]'])
def test_half_of_a_surrogate_pair_is_422_and_says_where(client, inputs):
    answer = client.post(
        "/v1/predict",
        content=f'{{"inputs": {inputs}}}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert "text" in answer.json()["detail"] or "inputs" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/predict", "/", "/predict"])
def test_a_long_list_of_mistakes_is_refused_at_the_first(client, path):
    begun = time.perf_counter()
    answer = client.post(path, json={"inputs": [1] * 500_000})
    assert answer.status_code == 422
    assert len(answer.content) < 2000
    assert time.perf_counter() - begun < 3  # 500,000 errors in words take a minute


@pytest.mark.parametrize(
    "path", ["/v1/predict/", "/v1/predict//", "/predict/", "/models/sentiment/"]
)
def test_a_slash_at_the_end_changes_nothing_and_no_host_is_trusted(client, path):
    headers = {**JSON, "host": "evil.example"}
    answer = client.post(path, content=inputs("good"), headers=headers, follow_redirects=False)
    assert answer.status_code == 200
