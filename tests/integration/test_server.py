"""The server as a process: start, answer, refuse to start, stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.integration


def start(**environment):
    return subprocess.Popen(
        [sys.executable, "-m", "function.server"],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5)
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("the server did not become ready")


def test_it_starts_answers_and_stops_on_sigterm(artifact):
    port = free_port()
    process = start(MODELS_DIR=str(artifact.parent), PORT=str(port))
    try:
        wait_until_ready(port)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/predict",
            json.dumps({"inputs": "a good film"}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["predictions"][0]["label"] == "positive"
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert any(line["route"] == "/v1/predict" and line["status"] == 200 for line in lines)


def test_a_damaged_model_stops_it_with_one_line_that_names_the_file(artifact):
    graph = artifact / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    process = start(MODELS_DIR=str(artifact.parent), PORT=str(free_port()))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "sentiment/model.onnx" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MODELS_DIR": "/nowhere"}, "scripts.pull"),
        ({"AUTH": "key"}, "API_KEY_SHA256"),
        ({"MAX_TEXTS": "lots"}, "MAX_TEXTS"),
    ],
)
def test_a_wrong_environment_is_one_line_that_says_what_to_do(artifact, environment, said):
    process = start(**{"MODELS_DIR": str(artifact.parent), **environment})
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = errors.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line
