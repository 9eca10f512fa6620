"""Reading of bodies: whose are read, where, how fast they have to come, how much JSON they hold."""

import asyncio
import gzip
import hashlib
import json
import re
import threading
import time

import pytest
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st

from function.api import body as reading
from function.api.body import BodyMiddleware, check_structure, read_json
from tests.unit.api.test_bad_input import JSON, inputs

KEY = "correct horse"
POST = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
LARGE = json.dumps({"inputs": ['good film, \\ " {[' * 100] * 100}).encode()


@pytest.fixture
def guarded(make_client):
    return make_client(AUTH="key", API_KEY_SHA256=hashlib.sha256(KEY.encode()).hexdigest())


def refusing(receive, check_key=None):
    """The messages of a middleware whose application must not be called."""

    async def app(*_):
        pytest.fail("a refused body was passed on")

    async def call():
        sent = []

        async def send(message):
            sent.append(message)

        await BodyMiddleware(app, 100_000, check_key)(dict(POST), receive, send)
        return sent

    return asyncio.run(call())


@pytest.mark.parametrize("path", ["/", "/predict", "/v1/predict", "/v2/models/sentiment/infer"])
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("Bearer wrong", 403)])
def test_no_body_is_read_before_the_key(guarded, log, path, key, status):
    headers = {**JSON, **({"authorization": key} if key else {})}
    answer = guarded.post(path, content=b"{", headers=headers)
    assert answer.status_code == status
    route = path.replace("sentiment", "{model}")
    assert (log[-1]["status"], log[-1]["route"]) == (status, route)


def test_a_body_without_a_key_is_not_even_received():
    async def receive():
        pytest.fail("the body was received")

    def check_key(_):
        raise HTTPException(401, "no key", {"www-authenticate": "Bearer"})

    start, _ = refusing(receive, check_key)
    assert start["status"] == 401
    assert (b"www-authenticate", b"Bearer") in start["headers"]


def test_a_refused_body_is_counted_under_its_route(client, log):
    assert client.post("/v1/models/a/predict", content=b"x" * 5_000_000).status_code == 413
    assert log[-1]["route"] == "/v1/models/{model}/predict"
    assert client.post("/nowhere", content=b"x" * 5_000_000).status_code == 413
    assert log[-1]["route"] == "unmatched"


def test_bodies_of_all_requests_together_are_bounded():
    """Let 100 bytes hold two bodies of 40, and refuse a third until one of them is done."""
    going_on = asyncio.Event()
    statuses = []

    async def app(_scope, receive, send):
        await receive()
        await going_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    middleware = BodyMiddleware(app, 1000, total_bytes=100)

    async def call():
        async def receive():
            return {"type": "http.request", "body": b"x" * 40}

        async def send(message):
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                statuses.append((message["status"], headers.get(b"retry-after")))

        await middleware(dict(POST), receive, send)

    async def all_at_once():
        first = [asyncio.create_task(call()) for _ in range(3)]
        await asyncio.wait(first, timeout=0.2)
        assert statuses == [(503, b"1")]
        going_on.set()
        await asyncio.gather(*first)
        await asyncio.gather(*(call() for _ in range(2)))

    asyncio.run(all_at_once())
    assert statuses[1:] == [(200, None)] * 4


@pytest.mark.parametrize("chunk", [b"", b"x"])
def test_a_body_that_stalls_is_408(monkeypatch, chunk):
    monkeypatch.setattr(reading, "STALL_SECONDS", 0.2)

    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": chunk, "more_body": True}

    start, body = refusing(receive)
    assert start["status"] == 408
    assert "send it again" in json.loads(body["body"])["detail"]


def test_a_slow_body_that_moves_is_read(monkeypatch):
    monkeypatch.setattr(reading, "STALL_SECONDS", 0.2)
    parts = [b"x" * 1024] * 8
    got = []

    async def receive():
        await asyncio.sleep(0.05)
        parts.pop()
        return {"type": "http.request", "body": b"x" * 1024, "more_body": bool(parts)}

    async def app(_scope, receive, _send):
        got.append((await receive())["body"])

    async def send(_): ...

    asyncio.run(BodyMiddleware(app, 100_000)(dict(POST), receive, send))
    assert got == [b"x" * 8192]


@pytest.mark.parametrize("path", ["/", "/v1/predict"])
def test_large_bodies_are_parsed_outside_the_event_loop(client, monkeypatch, path):
    threads = []

    def noted(document):
        threads.append(threading.current_thread().name)
        return read_json(document)

    monkeypatch.setattr(reading, "read_json", noted)
    assert client.post(path, content=inputs("good"), headers=JSON).status_code == 200
    assert client.post(path, content=LARGE, headers=JSON).status_code in (200, 413)
    assert not threads[0].startswith("reader")
    assert threads[1].startswith("reader")


def test_a_compressed_body_is_the_same_as_a_plain_one(client):
    headers = {**JSON, "content-encoding": "gzip"}
    plain = client.post("/v1/predict", content=inputs("good film"), headers=JSON)
    packed = client.post("/v1/predict", content=gzip.compress(inputs("good film")), headers=headers)
    assert packed.json()["predictions"] == plain.json()["predictions"]


@pytest.mark.parametrize("path", ["/", "/predict", "/v1/predict", "/v2/models/sentiment/infer"])
@pytest.mark.parametrize(
    "body",
    [
        {"inputs": "good", "x": [{"a": {}}] * 300_000},
        {"inputs": [""] * 500_000},
        {"inputs": "good", "x": ["\\"] * 300_000},
        {f"k{number}": 1 for number in range(250_000)},
        {"inputs": [[]] * 150_000},
    ],
    ids=["objects", "empty texts", "backslashes", "members", "lists"],
)
def test_more_json_than_texts_need_is_never_parsed(client, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert "fewer of them" in answer.json()["detail"]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(st.sampled_from('"\\ab{}[],:é\n')),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_only_strings_are_left_out_of_the_count(value):
    document = json.dumps(value).encode()

    def bare(value):
        if isinstance(value, str):
            return ""
        if isinstance(value, list):
            return f"[{', '.join(map(bare, value))}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f': {bare(member)}' for member in value.values())}}}"
        return json.dumps(value)

    assert re.sub(reading.STRING, b"", document).decode() == bare(value)


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 130_000 + b'"' + b'\\"' * 1_900_000,
        b"[" * 130_000 + b'{"a": "' + b"\\" * 3_000_001,
        b"[" * 130_000 + b'"' * 90_000 + b"x" * 900_000,
    ],
)
def test_a_string_without_an_end_is_counted_in_linear_time(document):
    begun = time.process_time()
    with pytest.raises((HTTPException, json.JSONDecodeError)):
        read_json(document)
    assert time.process_time() - begun < 3


def test_texts_of_brackets_and_many_entities_are_no_excess():
    entity = {"label": "LOC", "start": 1000, "end": 1010}
    check_structure(
        json.dumps({"inputs": ['"a" \\ {'] * 128 + ["[," * 2_000_000]}, indent=4).encode()
    )
    check_structure(json.dumps({"entities": [entity] * 10_000}).encode())


def test_a_body_that_moves_and_takes_too_long_is_408(monkeypatch):
    monkeypatch.setattr(reading, "STALL_SECONDS", 5)
    monkeypatch.setattr(reading, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(reading, "SLOWEST", 1_000_000)

    async def receive():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    start, _ = refusing(receive)
    assert start["status"] == 408


def test_a_length_of_thousands_of_digits_is_413(client):
    headers = {"content-length": "9" * 5000, "content-type": "application/json"}
    assert client.post("/v1/predict", content=b"{}", headers=headers).status_code == 413
