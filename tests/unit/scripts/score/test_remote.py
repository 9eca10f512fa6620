"""Scoring by a service that is busy, unwell, or refuses a text: a scripted one, on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.common.errors import CommandError, UsageError
from scripts.common.service_client import ServiceClient, ServiceError
from scripts.data.rows import RowError
from scripts.score import remote
from scripts.score.remote import RemoteModel
from scripts.score.rows import Row
from tests.stand_ins.json_server import LOOPBACK, serving


def model(name, version="v1", *, default=False):
    """As `/v1/models` lists it."""
    task = "text-classification"
    return {"name": name, "version": version, "task": task, "labels": [], "default": default}


class Served:
    """A service with a script: what it says before it answers. `None` breaks the connection."""

    def __init__(self) -> None:
        self.script: list[tuple[int, dict[str, str]] | None] = []
        self.requests: list[tuple[str, list[str]]] = []
        self.logged: list[str | None] = []
        self.at_once, self.most_at_once = 0, 0
        self.lock, self.wait = threading.Lock(), 0.0
        self.models = [model("sentiment", default=True)]
        self.url, self.key = "", ""

    def said(self, path, texts):
        with self.lock:
            self.requests.append((path, texts))
            if self.script:
                return self.script.pop(0)
        if any(len(text) > 100 for text in texts):
            return 413, {}
        if "\x00" in texts:
            return 422, {}
        return 200, {}


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served()

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if found.key and self.headers["authorization"] != f"Bearer {found.key}":
                self.answer(401, {}, {"detail": "a key, please"})
                return
            self.answer(200, {}, {"models": found.models})

        def do_POST(self):
            with found.lock:
                found.at_once += 1
                found.most_at_once = max(found.most_at_once, found.at_once)
            found.logged.append(self.headers["x-prediction-log"])
            texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["inputs"]
            said = found.said(self.path, texts)
            threading.Event().wait(found.wait)
            with found.lock:
                found.at_once -= 1
            if said is None:
                self.close_connection = True
                return
            status, headers = said
            if status != 200:
                self.answer(status, headers, {"detail": f"text 0 said {status}"})
                return
            self.answer(
                200,
                headers,
                {
                    "model": {"name": "sentiment", "version": "v1"},
                    "predictions": [{"label": text, "score": 0.5} for text in texts],
                },
            )

        def answer(self, status, headers, document):
            content = json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with serving(ThreadingHTTPServer((LOOPBACK, 0), Requests)) as address:
        found.url = f"{address}/"
        yield found


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def score(served, pauses):
    def scored(texts, requests=1):
        model = RemoteModel(ServiceClient(served.url), requests, sleep=pauses.append)
        rows = (Row(number, text) for number, text in enumerate(texts))
        return [each for chunk in model.score(rows, "run", lambda _: None) for each in chunk]

    return scored


@pytest.fixture
def wants_key(served):
    """The service answers 401 to a caller without its key."""
    served.key = "correct horse"
    return served


def test_the_key_is_sent(wants_key, monkeypatch):
    monkeypatch.setenv("EVERGREEN_API_KEY", "correct horse")
    assert ServiceClient(wants_key.url).name == "sentiment"


def test_a_missing_key_is_named_as_it_is_set(wants_key, monkeypatch):
    monkeypatch.delenv("EVERGREEN_API_KEY", raising=False)
    monkeypatch.delenv("API_KEY", raising=False)
    with pytest.raises(ServiceError, match=r"401: a key, please; set EVERGREEN_API_KEY$"):
        ServiceClient(wants_key.url)


def test_the_old_name_of_the_key_is_refused_with_the_new_one(wants_key, monkeypatch):
    monkeypatch.delenv("EVERGREEN_API_KEY", raising=False)
    monkeypatch.setenv("API_KEY", "correct horse")
    with pytest.raises(ServiceError, match=r"set EVERGREEN_API_KEY; API_KEY is not read any more$"):
        ServiceClient(wants_key.url)


def test_answers_come_back_in_the_inputs_order(score, served):
    texts = [f"{'x' * (number % 7)}{number}" for number in range(100)]
    assert [each["label"] for each in score(texts)] == texts
    assert [len(asked) for _, asked in served.requests] == [16] * 6 + [4]
    assert len(served.requests[0][1][0]) >= len(served.requests[-1][1][0])


def test_several_requests_are_under_way_and_no_more_than_was_said(score, served):
    served.wait = 0.05
    score([f"t{number}" for number in range(16 * 8)], requests=4)
    assert served.most_at_once == 4


def test_a_busy_service_is_asked_again_when_it_says(score, served, pauses):
    served.script = [(429, {"retry-after": "7"}), (429, {"retry-after": "3"}), (429, {})]
    assert score(["good"])[0]["label"] == "good"
    assert pauses == [7, 3, 1]


def test_a_service_that_stays_busy_is_given_up_on_in_the_end(score, served, pauses, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 30)
    served.script = [(429, {"retry-after": "10"})] * 10
    with pytest.raises(ServiceError, match="429"):
        score(["good"])
    assert pauses == [10, 10, 10]


@pytest.mark.parametrize("fault", [(503, {}), (502, {}), (504, {}), (500, {}), None])
def test_a_service_that_is_unwell_is_asked_again_later_and_later(score, served, pauses, fault):
    served.script = [fault] * 3
    assert score(["good"])[0]["label"] == "good"
    assert pauses == [1, 2, 4]


def test_one_that_stays_unwell_stops_the_run(score, served, pauses):
    served.script = [(503, {})] * 10
    with pytest.raises(CommandError, match="503"):
        score(["good"])
    assert len(pauses) == len(remote.PAUSES)


def test_a_key_that_is_refused_stops_the_run_at_once(score, served, pauses):
    served.script = [(401, {})]
    with pytest.raises(CommandError, match="401"):
        score(["good"])
    assert not pauses


def test_a_text_that_is_refused_costs_no_other(score, served):
    texts = ["a", "x" * 101, "\x00", RowError("has no text"), "b"]
    found = score(texts)
    assert [each.get("label") for each in found] == ["a", None, None, None, "b"]
    assert [each.get("reason") for each in found[1:4]] == ["said 413", "said 422", "has no text"]
    assert len(served.requests) == 1 + 4, "together, then one by one"


def test_long_texts_go_in_smaller_requests(score, served, monkeypatch):
    monkeypatch.setattr(remote, "CHARACTERS", 100)
    score(["x" * 40] * 5)
    assert [len(asked) for _, asked in served.requests] == [2, 2, 1]


def test_another_model_than_the_default_is_asked_by_its_name(served):
    served.models.insert(0, model("ner", "v2"))
    ServiceClient(served.url, "ner").answer(["good"])
    ServiceClient(served.url).answer(["good"])
    assert [path for path, _ in served.requests] == ["/v1/models/ner/predict", "/v1/predict"]
    with pytest.raises(UsageError, match="no model 'other' there; it serves ner, sentiment"):
        ServiceClient(served.url, "other")


def test_what_is_scored_is_no_traffic_in_the_prediction_log(score, served):
    score(["good"] * 20)
    assert served.logged == ["off", "off"]


def test_a_service_that_answers_too_little_is_not_believed(score, served, monkeypatch):
    monkeypatch.setattr(
        ServiceClient, "answer", lambda *_: {"predictions": [], "model": {"version": "v1"}}
    )
    with pytest.raises(CommandError, match="0 answers for 1 texts"):
        score(["good"])
