"""Lambda's runtime client with SnapStart: environments restored from one snapshot share nothing.

The emulator cannot restore. Here a process forks where the client would be restored, so that two
environments go on with one state, and ask a Runtime API of this test for their events.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import pytest

from tests.commands import REPOSITORY
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

ROOT = "/2018-06-01/runtime"
# A fork draws new random numbers by itself; a restored environment would not.
PROGRAM = """
import os, random, sys
from snapshot_restore_py import register_after_restore

@register_after_restore
def become_two():
    state = random.getstate()
    os.fork()
    random.setstate(state)

from awslambdaric.__main__ import main
sys.exit(main(["awslambdaric", "function.lambda_handler.handler"]))
"""


@dataclass
class RuntimeApi:
    """Runtime API of two environments: it restores both, and gives each one event."""

    events: SimpleQueue[str] = field(default_factory=SimpleQueue)
    answers: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    both: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.paths.append(self.path)
                if self.path == f"{ROOT}/restore/next":
                    self.reply("{}")
                else:
                    self.reply(api.events.get(), number=len(api.paths))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                api.paths.append(self.path)
                api.answers.append(json.loads(body))
                api.both.wait(60)  # so that one environment cannot answer twice
                self.reply("{}")

            def reply(self, body, number=0):
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"request-{number}")
                self.send_header(
                    "Lambda-Runtime-Deadline-Ms", str(int(1000 * time.time()) + 60_000)
                )
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x:1:f:x")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a9")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                """Say nothing."""

        return Handler


@pytest.fixture
def api(tmp_path) -> Iterator[RuntimeApi]:
    """Two restored environments that have answered one event each."""
    write_artifact(tmp_path / "sentiment")
    found = RuntimeApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler())
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    recorded = json.loads((REPOSITORY / "tests/events/http_api_v2.json").read_text())
    recorded["headers"] = {"content-type": "application/json"}
    event = json.dumps(
        recorded | {"body": json.dumps({"inputs": "good"}), "isBase64Encoded": False}
    )
    found.events.put(event)
    found.events.put(event)
    environment = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_LAMBDA_FUNCTION_NAME": "evergreen",
        "LAMBDA_TASK_ROOT": str(REPOSITORY),
        "MODELS_DIR": str(tmp_path),
        "PREDICTION_LOG": "true",
        "THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=REPOSITORY,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while len(found.answers) < 2 and time.monotonic() < deadline:
                assert process.poll() is None, "the runtime client ended"
                time.sleep(0.05)
            yield found
        finally:
            os.killpg(process.pid, 9)
            server.shutdown()
            server.server_close()


def test_restored_environments_answer_and_draw_ids_of_their_own(api):
    first, second = api.answers
    for answer in api.answers:
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"])["predictions"][0]["label"] == "positive"
    assert api.paths[0] == f"{ROOT}/restore/next"
    for name in ("x-prediction-id", "x-request-id"):
        assert first["headers"][name] != second["headers"][name]
