"""The harness around Lambda's runtime client and emulator, with throw-away handlers."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, Process, started
from scripts.emulate import binary
from scripts.emulate.gateway import Front
from scripts.emulate.protocol import EventTooLargeError, InvocationError, InvocationTimeoutError
from scripts.emulate.runtime import LambdaEmulator
from tests.stand_ins.json_server import serving

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
HANDLER = """
import base64, json, os, time

def handler(event, context):
    if event.get("detail-type"):
        return {"warmed": True, "memory": context.memory_limit_in_mb}
    path = event["rawPath"]
    if path == "/slow":
        time.sleep(30)
    if path == "/raise":
        raise ValueError("no good")
    if path == "/exit":
        print("last words")
        os._exit(3)
    if path == "/binary":
        body = base64.b64encode(base64.b64decode(event["body"])).decode()
        return {"statusCode": 201, "headers": {"Content-Type": "application/octet-stream"},
                "body": body, "isBase64Encoded": True}
    if path == "/cookies":
        return {"statusCode": 204, "cookies": ["a=1; Path=/", "b=2"]}
    if path == "/malformed":
        return {"statusCode": 200, "body": {"not": "a string"}}
    if path == "/plain":
        return [os.environ["COLOUR"], os.environ["AWS_REGION"], "AWS_PROFILE" in os.environ]
    return {"statusCode": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps(event)}
"""


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes


class Client:
    """Plain HTTP to a port on loopback."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        chunked: bool = False,
    ) -> Answer:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=SECONDS)
        try:
            connection.request(method, target, body, headers or {}, encode_chunked=chunked)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handler")
    (folder / "throwaway.py").write_text(HANDLER)
    return folder


@contextmanager
def emulate(directory: Path, timeout_seconds: int = 2) -> Iterator[LambdaEmulator]:
    with LambdaEmulator(
        "throwaway.handler",
        environment={"COLOUR": "green"},
        timeout_seconds=timeout_seconds,
        memory_megabytes=512,
        working_directory=directory,
    ) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def emulator(directory: Path) -> Iterator[LambdaEmulator]:
    with emulate(directory) as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: LambdaEmulator) -> Iterator[Client]:
    front = Front(0, emulator, emulator.pass_on)
    with serving(front):
        yield Client(front.server_port)


def processes_with(marker: str) -> list[str]:
    """Command lines on this machine that mention a text, from the process table itself."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in line:
            found.append(line)
    return found


def test_a_request_arrives_as_an_http_api_event(client: Client) -> None:
    answer = client.ask(
        "PUT",
        "/v1/a%20b?tag=x&tag=y%26z&empty=",
        '{"inputs": "voilà"}'.encode(),
        {"Content-Type": "application/json", "X-Trace": "one", "Cookie": "k=v; other=2"},
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    event = json.loads(answer.body)
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/v1/a b"
    assert event["rawQueryString"] == "tag=x&tag=y%26z&empty="
    assert event["queryStringParameters"] == {"tag": "x,y&z", "empty": ""}
    assert event["cookies"] == ["k=v", "other=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-trace"] == "one"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["requestContext"]["stage"] == "$default"
    assert (event["body"], event["isBase64Encoded"]) == ('{"inputs": "voilà"}', False)


def test_repeated_headers_are_joined_by_commas(client: Client) -> None:
    with socket.create_connection((LOOPBACK, client.port), timeout=SECONDS) as raw:
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Many: 1\r\nX-Many: 2\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]["x-many"] == "1,2"


def test_binary_bodies_survive_both_ways(client: Client) -> None:
    body = bytes(range(256)) * 40
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.ask("POST", "/binary", body, headers)
    assert (answer.status, answer.body) == (201, body)
    assert answer.headers["content-type"] == "application/octet-stream"


def test_text_that_is_not_utf8_is_not_altered(client: Client) -> None:
    answer = client.ask("POST", "/binary", b'"\xff"', {"Content-Type": "application/json"})
    assert answer.body == b'"\xff"'


def test_chunked_bodies_arrive_whole(client: Client) -> None:
    parts = iter([b"chunk one, ", b"chunk two"])
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    answer = client.ask("POST", "/", parts, headers, chunked=True)
    event = json.loads(answer.body)
    assert event["body"] == "chunk one, chunk two"
    assert event["headers"]["content-length"] == "20"


def test_a_head_request_has_a_length_and_no_body(client: Client) -> None:
    answer = client.ask("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


def test_cookies_become_headers(client: Client) -> None:
    answer = client.ask("GET", "/cookies")
    assert answer.status == 204
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]


def test_an_answer_without_a_status_is_json(client: Client) -> None:
    answer = client.ask("GET", "/plain")
    assert (answer.status, json.loads(answer.body)) == (200, ["green", "us-east-1", False])


def test_the_developers_aws_settings_stay_out(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "private")
    monkeypatch.setenv("AWS_REGION", "mars-north-1")
    with emulate(directory) as emulator:
        assert emulator.invoke({"rawPath": "/plain"}) == ["green", "us-east-1", False]


def test_raw_events_and_the_cold_start(directory: Path) -> None:
    event = json.loads((ROOT / "tests/events/scheduled.json").read_text())
    with emulate(directory) as emulator:
        assert emulator.init_milliseconds() is None
        assert emulator.invoke(event) == {"warmed": True, "memory": "512"}
        cold_start = emulator.init_milliseconds()
        assert cold_start is not None
        assert 1 < cold_start < 30_000
    assert "INVOKE RTDONE" in emulator.logs()


RAW = "/2015-03-31/functions/function/invocations"


def test_a_raw_event_is_passed_to_the_emulator_and_its_answer_back(client: Client) -> None:
    """As `curl -d '{...}'` sends it in AWS's documentation: with the type of a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.ask("POST", RAW, b'{"detail-type": "Scheduled Event"}', headers)
    assert (answer.status, json.loads(answer.body)) == (200, {"warmed": True, "memory": "512"})
    answer = client.ask("POST", RAW, b'{"rawPath": "/raise"}', headers)
    assert answer.status == 200  # the emulator's way, where the gateway would say 502
    failure = json.loads(answer.body)
    assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "no good")


def test_a_raw_event_that_is_no_json_or_too_large_is_refused(client: Client) -> None:
    answer = client.ask("POST", RAW, b"inputs=good")
    assert "Unable to unmarshal input" in json.loads(answer.body)["errorMessage"]
    assert client.ask("POST", RAW, b"x" * 6_300_000).status == 413
    assert client.ask("GET", "/").status == 200


def test_an_exception_is_502_with_its_message(client: Client) -> None:
    answer = client.ask("GET", "/raise")
    assert answer.status == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["detail"] == "ValueError: no good"
    assert json.loads(answer.body)["error"] == "ValueError: no good"


def test_a_malformed_answer_is_502(client: Client) -> None:
    answer = client.ask("GET", "/malformed")
    assert answer.status == 502
    assert "not a string" in json.loads(answer.body)["detail"]


def test_a_time_out_is_504_and_the_next_call_answers(client: Client) -> None:
    answer = client.ask("GET", "/slow")
    assert answer.status == 504
    assert "timed out after 2.00 seconds" in json.loads(answer.body)["detail"]
    assert client.ask("GET", "/").status == 200


def test_a_crash_is_502_and_the_next_call_answers(client: Client, emulator: LambdaEmulator) -> None:
    answer = client.ask("GET", "/exit")
    assert answer.status == 502
    assert "exit status 3" in json.loads(answer.body)["detail"]
    assert "last words" in emulator.logs()
    assert client.ask("GET", "/").status == 200


def test_errors_of_raw_calls_are_typed(emulator: LambdaEmulator) -> None:
    with pytest.raises(InvocationTimeoutError, match="timed out"):
        emulator.invoke({"rawPath": "/slow"})
    with pytest.raises(InvocationError, match="no good"):
        emulator.invoke({"rawPath": "/raise"})


def test_a_handler_that_cannot_be_imported(tmp_path: Path) -> None:
    with (
        LambdaEmulator("missing.handler", working_directory=tmp_path) as emulator,
        pytest.raises(InvocationError, match="Unable to import module 'missing'"),
    ):
        emulator.invoke({})
    assert emulator.init_milliseconds() is None


def test_calls_at_once_take_turns(client: Client) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.ask("GET", "/").status))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert answers == [200] * 12


@pytest.mark.parametrize("size", [6_400_000, 20_000_000])
def test_too_large_a_body_is_413(client: Client, size: int) -> None:
    answer = client.ask("POST", "/", b"x" * size, {"Content-Type": "text/plain"})
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.ask("GET", "/").status == 200


def test_a_body_that_base64_makes_too_large_is_413(client: Client) -> None:
    answer = client.ask("POST", "/binary", b"\0" * 5_000_000)
    assert answer.status == 413


def test_a_large_event_arrives_whole(emulator: LambdaEmulator) -> None:
    # The answer is the event again, as JSON within JSON, and has the same limit.
    event = {"rawPath": "/", "body": "x" * 6_000_000}
    assert json.loads(emulator.invoke(event)["body"]) == event
    with pytest.raises(EventTooLargeError, match="6291556"):
        emulator.invoke({"rawPath": "/", "body": "x" * 6_291_556})


@pytest.mark.parametrize("length", ["many", "-1"])
def test_a_nonsensical_length_is_400(client: Client, length: str) -> None:
    assert client.ask("POST", "/", None, {"Content-Length": length}).status == 400


def test_an_emulator_that_was_killed_is_replaced(directory: Path) -> None:
    with emulate(directory) as emulator:
        assert emulator.invoke({"rawPath": "/plain"})
        assert emulator._process is not None
        emulator._process.end()
        assert emulator.invoke({"rawPath": "/plain"})


def emulating(directory: Path, module: str, port: int) -> AbstractContextManager[Process]:
    """The command in a process of its own."""
    return started(
        [
            *(sys.executable, "-m", "scripts.emulate", "--handler", f"{module}.handler"),
            *("--port", str(port), "--timeout", "20"),
        ],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLOUR": "green"},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_taken_port_is_one_line_and_exit_code_2(directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with emulating(directory, "throwaway", port) as command:
            _, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 2
    assert errors.splitlines() == [
        f"error: Port {port} cannot be used: Address already in use. Name another with --port."
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    module = f"throwaway_{os.getpid()}_{number.name.lower()}"
    (tmp_path / f"{module}.py").write_text(HANDLER)
    with emulating(tmp_path, module, 0) as command:
        assert command.stderr is not None
        # On a machine's first use a line says before it that the emulator is fetched.
        line = next(line for line in command.stderr if "http://127.0.0.1:" in line)
        client = Client(int(line.split("http://127.0.0.1:")[1].split()[0]))
        assert client.ask("GET", "/plain").status == 200
        # In the middle of a call is where a process is most easily forgotten.
        threading.Thread(target=ask_in_vain, args=(client,), daemon=True).start()
        time.sleep(0.5)
        assert len(processes_with(f"{module}.handler")) == 3
        command.send_signal(number)
        _, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 0
    assert "Cold start: " in errors
    assert "Stopped." in errors
    assert processes_with(f"{module}.handler") == []


def ask_in_vain(client: Client) -> None:
    with suppress(OSError, HTTPException):
        client.ask("GET", "/slow")


def test_another_program_than_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forged(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "forged.whl", "w") as wheel:
            for architecture in binary.SHA256:
                wheel.writestr(f"samcli/local/rapid/aws-lambda-rie-{architecture}", b"forged")
        return folder / "forged.whl"

    monkeypatch.setattr(binary, "_download", forged)
    with pytest.raises(CommandError, match="SHA-256 differs"):
        binary.emulator_binary(tmp_path / "aws-lambda-rie")
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_cannot_run_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(CommandError, match="Linux program"):
        binary.emulator_binary()
