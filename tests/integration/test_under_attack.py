"""Probes while strangers attack: none waits, so that no load balancer replaces the task."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from scripts.common.processes import LOOPBACK, post
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = [pytest.mark.integration, pytest.mark.alone]

SECONDS = 2.5
MOST_SECONDS = 0.5  # at the 99th percentile; a load balancer waits for five
JSON = {"content-type": "application/json"}
BODIES = {
    "large bodies": ("/v1/predict", {"inputs": ["x" * 30_000] * 128}),
    "large tensors": (
        "/v2/models/sentiment/infer",
        {
            "inputs": [
                {"name": "text", "shape": [90], "datatype": "BYTES", "data": ["x" * 40_000] * 90}
            ]
        },
    ),
    "refused lists": ("/v1/predict", {"inputs": [1] * 1_000_000}),
    "refused members": ("/", {"inputs": "a", "parameters": {"ignore_labels": [1] * 1_000_000}}),
    "refused objects": ("/v1/predict", {"inputs": "a", "x": [{"a": {}}] * 300_000}),
    "small refusals": ("/v1/predict", {"inputs": 7}),
    "explains": (
        "/v1/predict",
        {"inputs": ["good film is bad " * 10] * 3, "parameters": {"explain": True}},
    ),
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    models = write_artifact(tmp_path_factory.mktemp("m") / "sentiment", max_tokens=64).parent
    with running_server(models) as server:
        yield server.port
        assert server.process.poll() is None


@pytest.mark.parametrize("kind", [*BODIES, "everything"])
def test_live_answers_at_once(port, kind):
    kinds = [*BODIES] if kind == "everything" else [kind]
    bodies = [(path, json.dumps(body).encode()) for path, body in (BODIES[each] for each in kinds)]
    done, statuses = threading.Event(), set()

    def attack(path, body):
        while not done.is_set():
            statuses.add(post(port, path, body, headers=JSON, seconds=60)[0])

    with ThreadPoolExecutor(8) as pool:
        attacks = [pool.submit(attack, *bodies[number % len(bodies)]) for number in range(8)]
        waited = []
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            begun = time.monotonic()
            assert probe(port) == 200
            waited.append(time.monotonic() - begun)
            time.sleep(0.01)
        done.set()
        for each in attacks:
            each.result()
    assert statuses <= {200, 422, 429}
    waited.sort()
    assert waited[int(0.99 * len(waited))] < MOST_SECONDS


def probe(port):
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    connection.request("GET", "/health/live")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
