"""The server as a process: start, answer, refuse to start, stop."""

import contextlib
import http.client
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
from tests.golden import KNOWS_NO_COMPANY, write_golden, write_tagged_golden
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

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
    assert process.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert any(line.get("route") == "/v1/predict" and line["status"] == 200 for line in lines)


def test_on_sigterm_it_answers_what_it_had_no_time_to_read_and_waits_for_nobody_else(artifact):
    port = free_port()
    process = start(MODELS_DIR=str(artifact.parent), PORT=str(port))
    with contextlib.ExitStack() as opened:

        def connect():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            opened.callback(connection.close)
            connection.connect()
            return connection

        try:
            wait_until_ready(port)
            silent = connect()
            kept = [connect() for _ in range(10)]
            for connection in kept:
                connection.request("POST", "/v1/predict", '{"inputs": "a good film"}')
                connection.getresponse().read()
            # A server that is stopped stands for one that is busy: the kernel accepts for it.
            process.send_signal(signal.SIGSTOP)
            asking = [*kept, *(connect() for _ in range(30))]
            for connection in asking:
                connection.request("POST", "/v1/predict", '{"inputs": "a good film"}')
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            answers = [connection.getresponse() for connection in asking]
            labels = [json.load(answer)["predictions"][0]["label"] for answer in answers]
            begun = time.monotonic()
            process.communicate(timeout=30)
        finally:
            process.kill()
        assert labels == ["positive"] * 40
        assert process.returncode == 0
        assert time.monotonic() - begun < 5
        assert silent.sock.recv(1) == b""


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


def test_both_tasks_are_measured_through_http(tmp_path):
    """The same figures as the artifacts themselves give."""
    models = tmp_path / "models"
    write_artifact(models / "sentiment")
    write_entity_artifact(models / "ner", tag_of=KNOWS_NO_COMPANY)
    labelled = write_golden(tmp_path / "labelled.jsonl", 120)
    tagged = write_tagged_golden(tmp_path / "tagged.jsonl", 120)
    port = free_port()
    url = f"--url=http://127.0.0.1:{port}"
    process = start(MODELS_DIR=str(models), PORT=str(port))
    try:
        wait_until_ready(port)
        reports = [
            measured(tmp_path, data, *what)
            for data, model, service in (
                (labelled, "sentiment", [f"{url}/"]),
                (tagged, "ner", [url, "--model=ner"]),
            )
            for what in ([f"--artifact={models / model}"], service)
        ]
    finally:
        process.terminate()
        process.wait()
    assert reports[0] == reports[1]
    assert reports[0]["accuracy"] == 1.0
    assert reports[2] == reports[3]
    assert (reports[2]["entities"], reports[2]["f1"]) == (90, 0.8)
    refused = evaluate(url, f"--data={labelled}")
    assert refused.returncode == 1
    assert "refused" in refused.stderr
    assert evaluate("--url=nowhere", f"--data={labelled}").returncode == 2


def measured(folder, data, *what):
    report = folder / "report.json"
    done = evaluate(*what, f"--data={data}", f"--json={report}")
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text())


def evaluate(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.evaluate", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
