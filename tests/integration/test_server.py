"""The server as a process: start, answer, refuse to start, stop."""

import contextlib
import http.client
import json
import signal
import time
import urllib.request

import pytest

from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, free_port
from tests.commands import run_python
from tests.golden import KNOWS_NO_COMPANY, write_golden, write_tagged_golden
from tests.serving import refusal, running_server
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration


def test_it_starts_answers_and_stops_on_sigterm(artifact):
    with running_server(artifact.parent) as server:
        request = urllib.request.Request(
            f"{server.url}/v1/predict",
            json.dumps({"inputs": "a good film"}).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["predictions"][0]["label"] == "positive"
        lines = [json.loads(line) for line in server.stop()]
    assert any(line.get("route") == "/v1/predict" and line["status"] == 200 for line in lines)


def test_on_sigterm_it_answers_what_it_had_no_time_to_read_and_waits_for_nobody_else(artifact):
    with running_server(artifact.parent) as server, contextlib.ExitStack() as opened:

        def connect():
            connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=20)
            opened.callback(connection.close)
            connection.connect()
            return connection

        silent = connect()
        kept = [connect() for _ in range(10)]
        for connection in kept:
            connection.request("POST", "/v1/predict", '{"inputs": "a good film"}')
            connection.getresponse().read()
        # A server that is stopped stands for one that is busy: the kernel accepts for it.
        server.process.send_signal(signal.SIGSTOP)
        asking = [*kept, *(connect() for _ in range(30))]
        for connection in asking:
            connection.request("POST", "/v1/predict", '{"inputs": "a good film"}')
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        answers = [connection.getresponse() for connection in asking]
        labels = [json.load(answer)["predictions"][0]["label"] for answer in answers]
        begun = time.monotonic()
        assert server.process.wait(30) == 0
        assert labels == ["positive"] * 40
        assert time.monotonic() - begun < 5
        assert silent.sock.recv(1) == b""


def test_a_damaged_model_stops_it_with_one_line_that_names_the_file(artifact):
    graph = artifact / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    refused = refusal(MODELS_DIR=str(artifact.parent), PORT=str(free_port()))
    assert refused.returncode == 1
    assert "sentiment/model.onnx" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MODELS_DIR": "/nowhere"}, "scripts.pull"),
        ({"AUTH": "key"}, "API_KEY_SHA256"),
        ({"MAX_TEXTS": "lots"}, "MAX_TEXTS"),
    ],
)
def test_a_wrong_environment_is_one_line_that_says_what_to_do(artifact, environment, said):
    refused = refusal(**{"MODELS_DIR": str(artifact.parent), **environment})
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_tests_see_what_a_server_printed_that_does_not_come_up(tmp_path):
    with pytest.raises(CommandError, match=r"error: .*scripts\.pull"), running_server(tmp_path):
        pytest.fail("there is no model")


def test_both_tasks_are_measured_through_http(tmp_path):
    """The same figures as the artifacts themselves give."""
    models = tmp_path / "models"
    write_artifact(models / "sentiment")
    write_entity_artifact(models / "ner", tag_of=KNOWS_NO_COMPANY)
    labelled = write_golden(tmp_path / "labelled.jsonl", 120)
    tagged = write_tagged_golden(tmp_path / "tagged.jsonl", 120)
    with running_server(models) as server:
        url = f"--url={server.url}"
        reports = [
            measured(tmp_path, data, *what)
            for data, model, service in (
                (labelled, "sentiment", [f"{url}/"]),
                (tagged, "ner", [url, "--model=ner"]),
            )
            for what in ([f"--artifact={models / model}"], service)
        ]
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
    return run_python("-m", "scripts.evaluate", *arguments)
