"""From requests to a real server, and to the handler, to the log that drift is judged by."""

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import Any

import pytest

from scripts.common.processes import started
from scripts.drift.prediction_log import build_log, read_log
from scripts.feedback import read_feedback_texts
from tests.commands import REPOSITORY, run_python
from tests.predictions import EVER
from tests.serving import running_server
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

SECRET = "zeppelins"
LOGGED: Any = {"PREDICTION_LOG": "true", "PREDICTION_LOG_KEY": "k" * 32, "FEEDBACK_TEXT": "true"}
TENSOR = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["dull", f"good {SECRET}"]}
# What is asked in each protocol, and what is answered.
ASKED = [
    ("/v1/predict", {"inputs": f"a good film of {SECRET}"}, ["positive"]),
    ("/v1/predict", {"inputs": ["bad", "fine"], "parameters": {"explain": True}}, ["neg", "pos"]),
    ("/", {"inputs": "bad", "parameters": {"top_k": 1}}, ["negative"]),
    ("/models/sentiment", {"inputs": ["fine"]}, ["positive"]),
    ("/predict", {"inputs": [["dull film"], ["good"]], "raw_scores": True}, ["neg", "pos"]),
    ("/v2/models/sentiment/infer", {"inputs": [TENSOR]}, ["negative", "positive"]),
]
PROGRAM = """
import json, sys
from function.lambda_handler import handler
event = json.load(open("tests/events/http_api_v2.json")) | {"isBase64Encoded": False}

def ask(path, body):
    event["requestContext"]["http"]["path"] = event["rawPath"] = path
    return handler({**event, "body": json.dumps(body)}, None)

answer = ask("/v1/predict", {"inputs": ["good zeppelins", "bad"]})
first = answer["headers"]["x-prediction-id"]
feedback = ask("/v1/feedback", {"id": first[:-1] + "1", "label": "positive"})
assert (answer["statusCode"], feedback["statusCode"]) == (200, 202), feedback
handler(json.load(open("tests/events/scheduled.json")), None)
"""


@pytest.fixture
def models(tmp_path):
    write_artifact(tmp_path / "models" / "sentiment")
    return write_entity_artifact(tmp_path / "models" / "ner").parent


def post(url, path, body):
    """The id of the first prediction."""
    content = json.dumps(body).encode()
    request = urllib.request.Request(url + path, content, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["x-prediction-id"]


@contextmanager
def collecting(models, folder):
    """A server, and the collector of what it prints."""
    command = [sys.executable, "-m", "scripts.collect", "--output", str(folder)]
    with running_server(models, stdout=subprocess.PIPE, **LOGGED) as server:
        printed = server.process.stdout
        assert printed
        pipes = {"stdin": printed, "stdout": subprocess.PIPE}
        with started(command, cwd=REPOSITORY, text=True, **pipes) as collector:
            printed.close()
            yield server, collector


def test_every_prediction_is_in_the_log_once_and_feedback_is_joined(models, tmp_path):
    log = tmp_path / "predictions"
    with collecting(models, log) as (server, collector):
        ids = [post(server.url, path, body) for path, body, _ in ASKED]
        post(server.url, "/v1/models/ner/predict", {"inputs": "Ada met Acme"})
        right = {"id": ids[0], "label": "positive", "text": f"a good film of {SECRET}"}
        post(server.url, "/v1/feedback", right)
        post(server.url, "/v1/feedback", {"id": ids[2], "label": "positive"})
        server.stop()
        other_lines, _ = collector.communicate(timeout=60)
    read = read_log(str(log), EVER, "sentiment")
    answered = [label for _, _, labels in ASKED for label in labels]
    found = [read.labels[row.argmax()] for row in read.answers]
    assert [label[:3] for label in found] == [label[:3] for label in answered]
    assert read.damaged == 0
    judged = [value for value in read.correct if value == value]
    assert judged == [1, 0]
    entities = read_log(str(log), EVER, "ner")
    assert (entities.labels, len(entities)) == (["ORG", "PER"], 1)
    assert read_feedback_texts(str(log), EVER, "sentiment").rows == [
        {"text": right["text"], "label": "positive"}
    ]
    routes = [json.loads(line).get("route") for line in other_lines.splitlines()]
    assert routes.count("/v1/feedback") == 2
    assert SECRET not in other_lines


def test_a_collector_that_dies_takes_no_answer_with_it(models, tmp_path):
    with collecting(models, tmp_path / "predictions") as (server, collector):
        assert post(server.url, *ASKED[0][:2])
        collector.kill()
        collector.wait()
        assert all(post(server.url, *ASKED[0][:2]) for _ in range(5))


def test_the_functions_log_holds_the_same_lines(models):
    done = run_python("-c", PROGRAM, MODELS_DIR=str(models), **LOGGED)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    log = [line for line in lines if "log" in line]
    assert [line["log"] for line in log] == ["prediction", "prediction", "feedback"]
    assert len({line.get("text_hmac") for line in log[:2]}) == 2
    read = build_log(log, EVER, "sentiment")
    assert read.labels == ["negative", "positive"]
    assert [value for value in read.correct if value == value] == [0]
