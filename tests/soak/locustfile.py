"""The requests of a soak: texts short and long, batches, entities, explanations, three protocols,
mistakes, and clients that hang up.

Takes the server's address from LOCUST_HOST, real texts from SOAK_DATA if that is set, and writes
its results to SOAK_RESULTS. A task's weight says how often it runs. What costs most is sent seldom,
and is under way most of the time all the same.
"""

import json
import os
import random
import socket
import struct
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from locust import FastHttpUser, events, task

from scripts.benchmark.texts import sample
from tests.soak.answers import Labelled, find_fault, is_refusal, labels

HOST = os.environ["LOCUST_HOST"]
BATCH, LONG_CHARACTERS = 32, 20_000  # some 4,500 tokens: nine windows or more of 512
PATIENCE = 300.0  # seconds that a caller waits for an answer
LONGEST_HOLD = 0.5  # seconds after which clients that hang up do so
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
SHORT = (
    "A warm, funny film that never once talks down to us.",
    "Terrible. A complete waste of time and money.",
    "Wonderful acting and a beautiful score. Superb!",
    "I hated it: dull, lazy and badly made.",
)
NAMES = (
    "Ada Lovelace met Charles Babbage in London.",
    "Angela Merkel flew from Berlin to Paris.",
    "Microsoft and Google opened offices in Tokyo.",
    "Nobody was named, and nothing happened.",
)
DATA = os.environ.get("SOAK_DATA")
REVIEWS = sample(Path(DATA) if DATA else None, 64).texts
GETS = ("/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/v1/models")
PREDICT = "/v1/predict"


def _fetch(path: str, document: object = None) -> bytes:
    content = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(HOST + path, content, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return bytes(response.read())


MODELS = {each["name"]: each["task"] for each in json.loads(_fetch("/v1/models"))["models"]}
MODEL = next(iter(MODELS))  # the default
TAGGER = next((name for name, kind in MODELS.items() if kind == "token-classification"), None)
TAG = f"/v1/models/{TAGGER}/predict"
WORD = {"inputs": "word"}
INVALID: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (400, "POST", PREDICT, {"data": b"{"}),
    (400, "POST", PREDICT, {"data": b'{"inputs": "\xff"}'}),
    (404, "POST", "/v1/models/nobody/predict", {"json": WORD}),
    (404, "GET", "/nowhere", {}),
    (405, "GET", f"/v1/models/{MODEL}/predict", {}),
    (413, "POST", PREDICT, {"json": {"inputs": ["word"] * 1000}}),
    (413, "POST", PREDICT, {"json": {"inputs": "word " * 20_000}}),
    (415, "POST", PREDICT, {"data": b"word", "headers": {"content-type": "text/plain"}}),
    (422, "POST", PREDICT, {"json": {"inputs": "   "}}),
    (422, "POST", PREDICT, {"json": {"inputs": 7}}),
    (422, "POST", PREDICT, {"json": WORD | {"unknown": True}}),
    (422, "POST", PREDICT, {"json": WORD | {"parameters": {"top_k": 0}}}),
)


def _answers_alone(path: str, texts: Sequence[str]) -> dict[str, Labelled]:
    return {text: labels(_fetch(path, {"inputs": text}))[0] for text in texts}


ALONE = _answers_alone(PREDICT, [*SHORT, *REVIEWS]) | _answers_alone(TAG, NAMES if TAGGER else ())


class Caller(FastHttpUser):
    """A caller that sends one request after the other."""

    network_timeout = connection_timeout = PATIENCE
    default_headers = {"content-type": "application/json"}  # noqa: RUF012 -- as locust has it
    long_under_way = 0  # requests of many windows, of all callers

    @task(60)
    def short_text(self) -> None:
        # A row of their own for those that a long request could hold up.
        self._predict("short text" + ", among long" * bool(Caller.long_under_way), _pick(SHORT))

    @task(50)
    def review(self) -> None:
        self._predict("review", _pick(REVIEWS))

    @task(4)
    def many_windows(self) -> None:
        with _long():
            text = " ".join(_pick(REVIEWS, LONG_CHARACTERS // min(map(len, REVIEWS)) + 1))
            self._predict("text of many windows", [text[:LONG_CHARACTERS]])

    @task(4)
    def batch(self) -> None:
        with _long():
            self._predict(f"{BATCH} reviews", _pick(REVIEWS, BATCH))

    @task(8)
    def explained_short_text(self) -> None:
        self._predict("short text, explained", _pick(SHORT), explain=True)

    @task(1)
    def explained_review(self) -> None:
        self._predict("review, explained", _pick(REVIEWS), explain=True)

    @task(12)
    def hugging_face(self) -> None:
        self._send("Hugging Face", "POST", "/", json={"inputs": random.choice(REVIEWS)})

    @task(12)
    def text_embeddings_inference(self) -> None:
        body = {"inputs": random.choice(SHORT)}
        self._send("text-embeddings-inference", "POST", "/predict", json=body)

    @task(12)
    def open_inference_protocol(self) -> None:
        data = [random.choice(REVIEWS)]
        body = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": data}]}
        self._send("Open Inference Protocol", "POST", f"/v2/models/{MODEL}/infer", json=body)

    @task(16)
    def invalid(self) -> None:
        status, method, path, content = random.choice(INVALID)
        self._send("invalid", method, path, status=status, **content)

    @task(16)
    def get(self) -> None:
        query = f"{PREDICT}?text={quote(random.choice(SHORT))}"
        self._send("GET", "GET", random.choice([*GETS, query]))

    if TAGGER:

        @task(20)
        def entities(self) -> None:
            texts = _pick(NAMES)
            self._send("entities", "POST", TAG, texts=texts, json={"inputs": texts[0]})

    @task(10)
    def hang_up(self) -> None:
        """Send a request or half of one, and close the connection before the answer."""
        body = json.dumps({"inputs": _pick(REVIEWS, random.choice((1, BATCH)))}).encode()
        head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        sent = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        address = urlsplit(HOST)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(sent if random.random() < 0.7 else sent[: len(sent) // 2])
            time.sleep(LONGEST_HOLD * random.random())
            if random.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        events.request.fire(
            request_type="", name="hangs up", response_time=0, response_length=0, exception=None
        )

    def _predict(self, kind: str, texts: Sequence[str], *, explain: bool = False) -> None:
        inputs = texts[0] if len(texts) == 1 else texts
        body = {"inputs": inputs, "parameters": {"explain": explain}}
        self._send(kind, "POST", PREDICT, texts=texts, json=body)

    def _send(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        status: int = 200,
        texts: Sequence[str] = (),
        **content: Any,
    ) -> None:
        """Send a request and judge its answer. A full queue's refusal is right, and waited for."""
        pause = 0.0
        with self.client.request(method, path, catch_response=True, **content) as response:
            response.request_meta |= {"request_type": "", "name": kind}
            code, headers = response.status_code, response.headers or {}
            if is_refusal(code, headers):
                response.request_meta["name"] = f"{kind}, refused"
                pause = float(headers["retry-after"])
                response.success()
            elif code == 0:
                response.failure(repr(response.error))
            elif fault := find_fault(code, response.content or b"", status, texts, ALONE):
                response.failure(fault)
            else:
                response.success()
        time.sleep(pause)


def _pick(texts: Sequence[str], count: int = 1) -> list[str]:
    return random.choices(texts, k=count)


@contextmanager
def _long() -> Iterator[None]:
    Caller.long_under_way += 1
    try:
        yield
    finally:
        Caller.long_under_way -= 1


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def write_results(environment: Any, **_: Any) -> None:
    """Write count, failures, percentiles in milliseconds, and errors of each kind of request."""
    errors: dict[str, dict[str, int]] = {}
    for each in environment.stats.errors.values():
        errors.setdefault(each.name, {})[str(each.error)] = each.occurrences
    results = {
        name: {
            "count": entry.num_requests,
            "failures": entry.num_failures,
            **{f"p{n}": entry.get_response_time_percentile(n / 100) for n in (50, 95, 99)},
            "errors": errors.get(name, {}),
        }
        for (name, _), entry in sorted(environment.stats.entries.items())
    }
    Path(os.environ["SOAK_RESULTS"]).write_text(json.dumps(results), encoding="utf-8")
    if environment.runner.exceptions:  # a task broke, which no request's failure counts
        environment.process_exit_code = 1
