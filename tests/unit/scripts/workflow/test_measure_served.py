"""A preview is measured by its answers, even while it is too busy to give some."""

import json
import sys
from http.server import HTTPServer
from typing import Any

import pytest

from scripts.common import service_client
from scripts.common.command_line import run
from scripts.common.service_client import ServiceError
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import open_registry
from scripts.workflow import measure_served
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

LABELS = ("negative", "positive")
GOLDEN = [("good", "positive"), ("fine", "positive"), ("bad", "negative"), ("well", "negative")]


@pytest.fixture
def service(monkeypatch):
    """A service that takes every text for positive but `bad`, and is busy for some requests."""
    busy: list[Any] = []
    served = {"name": "sentiment", "version": "v1", "default": True}
    models = [{**served, "task": "text-classification", "labels": LABELS}]

    class Requests(JsonRequests):
        def respond(self, method, document):
            if method == "GET":
                self.answer({"models": models})
                return
            if busy:
                self.answer({"detail": "busy"}, busy.pop(), {"retry-after": "0.01"})
                return
            answers = []
            for text in document["inputs"]:
                negative = 0.9 if text == "bad" else 0.1
                scores = [
                    {"label": "negative", "score": negative},
                    {"label": "positive", "score": 1 - negative},
                ]
                answers.append({"scores": scores, "tokens": 1})
            self.answer({"predictions": answers, "model": served})

    with serving(HTTPServer((LOOPBACK, 0), Requests)) as url:
        yield url, busy


@pytest.fixture
def measure(service, source, tmp_path, monkeypatch):
    lines = [json.dumps({"text": text, "label": label}) for text, label in GOLDEN]
    registry = open_registry(str(source))
    freeze_golden(registry.store, "sentiment", ("\n".join(lines) + "\n").encode())
    file = tmp_path / "figures.json"

    def command():
        arguments = ["--url", service[0], "--registry", str(source), "--json", str(file)]
        monkeypatch.setattr(sys, "argv", ["measure", *arguments])
        run(measure_served.main)
        return json.loads(file.read_text())

    return command


def test_the_golden_set_is_answered_by_the_address(measure):
    found = measure()["sentiment"]
    assert (found["version"], found["measure"], found["texts"]) == ("v1", "accuracy", 4)
    assert found["figures"]["accuracy"] == 0.75


def test_an_answer_that_it_is_busy_is_waited_out(measure, service):
    service[1].extend([429, 503, 429])
    assert measure()["sentiment"]["figures"]["accuracy"] == 0.75
    assert service[1] == []


def test_any_other_refusal_is_a_failure(measure, service):
    service[1].append(500)
    with pytest.raises(SystemExit):
        measure()


def test_one_that_stays_busy_is_given_up(measure, service, monkeypatch):
    monkeypatch.setattr(service_client, "TRIES", 2)
    service[1].extend([429] * 3)
    client = service_client.PatientClient(service[0])
    with pytest.raises(ServiceError, match="429"):
        client.answer(["good"])
