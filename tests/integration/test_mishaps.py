"""Mishaps of machines: a full disk, a kill, a store that stalls, a time of day that jumps."""

import ast
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from function.core.artifact import open_artifact
from scripts.common.errors import StoreError
from scripts.common.processes import LOOPBACK, free_port, post, wait_until
from scripts.registry.registry import open_registry
from scripts.registry.stores import s3
from tests.commands import REPOSITORY
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

JSON = {"content-type": "application/json"}
WALL_CLOCK = {"time.time", "time.time_ns", "datetime.now"}
# Lines of the log, an answer's date, a model's age: nothing that a jump could stop.
DATED = {
    "function/api/embedded_metrics.py",
    "function/api/observability.py",
    "function/api/prediction_log.py",
    "function/api/routes/vllm.py",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_artifact(tmp_path_factory.mktemp("models") / "sentiment").parent


def ask(port):
    return post(port, "/v1/predict", b'{"inputs": "a good film"}', headers=JSON, seconds=20)


def label(port):
    status, answer = ask(port)
    assert status == 200
    return json.loads(answer)["predictions"][0]["label"]


def test_a_log_on_a_full_disk_costs_no_answer_and_takes_no_feedback(models):
    with (
        Path("/dev/full").open("w") as full,
        running_server(models, stdout=full, PREDICTION_LOG="true") as server,
    ):
        for _ in range(20):
            assert label(server.port) == "positive"
        feedback = {"id": f"{'0' * 32}-0", "label": "positive"}
        status, answer = post(
            server.port, "/v1/feedback", json.dumps(feedback).encode(), headers=JSON, seconds=20
        )
        assert status == 503
        assert b"was not kept" in answer


def test_a_killed_server_is_replaced_on_its_port_at_once(models):
    port = free_port()
    done, labels = threading.Event(), set()

    def honest():
        while not done.is_set():
            try:
                status, answer = ask(port)
            except OSError:
                continue  # the kill cut it off: a client sends it again
            if status != 503:  # it loads its models
                labels.add(json.loads(answer)["predictions"][0]["label"])

    caller = threading.Thread(target=honest, daemon=True)
    with running_server(models, port=port) as first:
        caller.start()
        assert wait_until(lambda: bool(labels), first.process, 30)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(10)
    before = labels.copy()
    labels.clear()
    with running_server(models, port=port) as second:
        assert wait_until(lambda: bool(labels), second.process, 30)
        done.set()
        caller.join(30)
    assert (before, labels) == ({"positive"}, {"positive"})


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_disk_that_fills_leaves_no_half_of_a_version(models, tmp_path, share):
    artifact = open_artifact(models / "sentiment")
    most_bytes = int(share * max(entry.bytes for entry in artifact.manifest.files.values()))
    store = tmp_path / "registry"
    command = [sys.executable, "-m", "scripts.publish"]
    command += ["--artifact", str(artifact.path), "--registry", str(store)]
    filled = subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )
    assert filled.returncode != 0
    assert "Traceback" not in filled.stderr
    assert open_registry(str(store)).versions("sentiment") == []
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    registry = open_registry(str(store))
    assert registry.verify("sentiment", artifact.version).digest == artifact.digest


def test_a_store_that_stalls_is_given_up_in_one_line(monkeypatch, tmp_path):
    silent = socket.create_server((LOOPBACK, 0))
    monkeypatch.setattr(s3, "READ_SECONDS", 0.2)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{silent.getsockname()[1]}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with silent, pytest.raises(StoreError) as caught:
        open_registry("s3://bucket").pull("sentiment", "20260101-00000000", tmp_path / "models")
    assert "Read timeout" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_deadline_depends_on_the_time_of_day():
    found = set()
    for path in (REPOSITORY / "function").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            read = node.func if isinstance(node, ast.Call) else None
            if isinstance(read, ast.Attribute) and ast.unparse(read) in WALL_CLOCK:
                found.add(str(path.relative_to(REPOSITORY)))
    assert found == DATED
