"""Raw connections to a running server: too large, too slow or unread ones end with an answer."""

import http.client
import json
import select
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from function.api import body as reading
from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.server import protocol
from function.server.disconnects import DisconnectMiddleware
from function.server.protocol import BoundedProtocol
from function.settings import Settings, load_settings
from tests.tiny import write_artifact

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
MOST = 100  # connections
QUICK = {"HEAD_SECONDS": 0.4, "IDLE_SECONDS": 0.8, "DRAIN_SECONDS": 1.0}


class Server:
    """A server in a thread, and the records of its requests."""

    def __init__(self, models, loop):
        catalog = Catalog(models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
        catalog.load()
        self.log: list[dict[str, Any]] = []
        app = create_app(
            DirectEngine(catalog),
            load_settings(Settings, {}),
            self.log.append,
            middleware=[DisconnectMiddleware],
        )
        http: Any = partial(
            BoundedProtocol, record=self.log.append, most=MOST, stopping=threading.Event()
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        config = uvicorn.Config(app, http=http, loop=loop, log_config=None, access_log=False)
        self.uvicorn = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.uvicorn.run, args=([self.listener],))

    @contextmanager
    def running(self):
        self.thread.start()
        try:
            yield self
        finally:
            self.uvicorn.should_exit = True
            self.thread.join(20)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send(self, *parts, pause=0.0):
        """Return all that a connection answers until it ends."""
        with self.connect() as connection:
            for part in parts:
                try:
                    connection.sendall(part)
                except OSError:
                    break
                time.sleep(pause)
            return until_end(connection)

    def records(self):
        """The records so far; a request's is written after its answer."""
        until = time.monotonic() + 5
        while not self.log and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        return list(self.log)

    def statuses(self):
        return [record["status"] for record in self.records()]


def until_end(connection):
    got = b""
    try:
        while part := connection.recv(65_536):
            got += part
    except ConnectionResetError:
        got += b" (reset)"
    return got


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request, tmp_path_factory):
    models = write_artifact(tmp_path_factory.mktemp("models") / "sentiment").parent
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUICK.items():
            patch.setattr(protocol, name, value)
        patch.setattr(reading, "STALL_SECONDS", 0.5)
        with Server(models, request.param).running() as server:
            yield server


@pytest.fixture(autouse=True)
def fresh_log(server):
    time.sleep(0.05)  # the last test's requests may not be recorded yet
    server.log.clear()


@pytest.mark.parametrize(
    "head",
    [
        [GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n"],
        [GET + b"X: ", *[b"a" * 10_000] * 50],
        [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET /", *[b"a" * 10_000] * 50],
        [GET + b"X: 1\r\n" * 101 + b"\r\n"],
        [b"\r\n" * 40_000],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", *[b"a" * 10_000] * 20],
    ],
    ids=["header", "endless header", "url", "endless url", "headers", "empty lines", "trailer"],
)
def test_a_head_that_is_too_large_is_431(server, head):
    answer = server.send(*head)
    assert status(answer) == 431
    assert b"connection: close" in answer
    assert len(answer) <= 4096
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 431
    assert 431 in server.statuses()


def test_a_head_within_the_limits_is_answered(server):
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(97))
    long = b"X: " + b"a" * 60_000 + b"\r\n"
    for head in (GET + many, GET + long):
        assert status(server.send(head + b"Connection: close\r\n\r\n")) == 200


@pytest.mark.parametrize("head", [b"G", b"GET / HT", GET, b"\r\n", POST + b"X: "])
def test_a_head_that_does_not_arrive_in_time_is_408(server, head):
    begun = time.monotonic()
    assert status(server.send(head)) == 408
    assert 0.3 < time.monotonic() - begun < 5
    assert server.statuses() == [408]


def test_beyond_the_most_connections_an_idle_one_makes_room(server, monkeypatch):
    monkeypatch.setattr(protocol, "IDLE_SECONDS", 30)  # so that a slow machine ends no other
    with ExitStack() as stack:
        silent = [stack.enter_context(server.connect()) for _ in range(MOST + 20)]
        assert status(server.send(GET + b"Connection: close\r\n\r\n")) == 200
        readable, _, _ = select.select(silent, [], [], 0.3)
        assert 20 <= len(readable) <= 21


def test_where_every_connection_is_busy_a_new_one_is_503(server):
    for _ in range(5):  # a server that is slow has not read all of them when the last one comes
        with ExitStack() as stack:
            for _ in range(MOST):
                busy = stack.enter_context(server.connect())
                busy.sendall(POST + b"Content-Length: 100\r\n\r\n{")
            time.sleep(0.2)
            answer = server.send(GET + b"Connection: close\r\n\r\n")
        if status(answer) == 503:
            break
        time.sleep(0.5)
    assert status(answer) == 503
    assert b"retry-after: 1\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 503


def test_a_head_that_trickles_in_is_408_too(server):
    assert status(server.send(GET, *[b"X: 1\r\n"] * 20, pause=0.1)) == 408


def test_a_connection_that_sends_nothing_is_closed_without_a_word(server):
    begun = time.monotonic()
    assert server.send() == b""
    assert 0.6 < time.monotonic() - begun < 5
    assert server.log == []


@pytest.mark.parametrize("sent", [b"", b'{"inputs": "go'])
def test_a_body_that_stalls_is_408_under_its_route(server, sent):
    answer = server.send(POST + b"Content-Length: 100\r\n\r\n" + sent)
    assert status(answer) == 408
    assert [(each["route"], each["status"]) for each in server.records()] == [("/v1/predict", 408)]


@pytest.mark.parametrize("path", [b"/health/live", b"/v1/models", b"/"])
def test_no_method_without_a_body_waits_for_one(server, path):
    begun = time.monotonic()
    head = b"GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" % path
    answer = server.send(head)
    assert status(answer) == 200
    assert b"connection: close" in answer
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("body", [b"ZZZ\r\n", b"-1\r\n"])
def test_a_broken_body_is_400_and_leaves_no_500(server, body):
    answer = server.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert status(answer) == 400
    time.sleep(0.2)
    assert set(server.statuses()) == {400}


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n"],
)
def test_what_is_no_request_is_a_400_problem(server, head):
    answer = server.send(head)
    assert status(answer) == 400
    assert b"application/problem+json" in answer
    assert server.statuses() == [400]


def test_http_1_0_needs_no_host(server):
    assert status(server.send(b"GET /health/live HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize("size", [4_100_000, 8_000_000, 20_000_000])
def test_every_client_reads_its_413(server, size):
    for _ in range(3):
        url = f"http://127.0.0.1:{server.port}/v1/predict"
        request = urllib.request.Request(url, b"x" * size, {"content-type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)  # it sends Connection: close
        assert refused.value.code == 413
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request("POST", "/v1/predict", b"x" * size)
        answer = client.getresponse()
        assert (answer.status, answer.getheader("connection")) == (413, "close")
        assert b"send at most" in answer.read()


def test_a_refused_body_without_an_end_is_not_read_for_ever(server):
    with server.connect() as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        begun, ended = time.monotonic(), False
        while not ended and time.monotonic() < begun + 15:
            try:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            except OSError:
                ended = True
        assert ended
    assert server.statuses() == [413]


def test_requests_on_one_connection_and_pipelined_are_answered(server):
    for count in (1, 5):
        answer = server.send(*[GET + b"\r\n"] * count, GET + b"Connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200") == count + 1
        pipelined = (GET + b"\r\n") * count + GET + b"Connection: close\r\n\r\n"
        assert server.send(pipelined).count(b"HTTP/1.1 200") == count + 1


def test_pipelined_requests_whose_client_hangs_up_are_no_crash(server):
    body = json.dumps({"inputs": ["good film"] * 60}).encode()
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for _ in range(60):
        with server.connect() as connection:
            connection.sendall(request * 8)
    time.sleep(0.5)
    assert server.records()
    assert max(server.statuses()) < 500


def test_expecting_clients_get_their_100_or_their_refusal(server):
    body = b'{"inputs": "good"}'
    head = POST + b"Expect: 100-continue\r\nConnection: close\r\n"
    with server.connect() as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert status(until_end(connection)) == 200
    assert status(server.send(head + b"Content-Length: 9000000\r\n\r\n")) == 413


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_however_a_request_is_cut_up_its_answer_is_the_same(server, data):
    body = b'{"inputs": "good film"}'
    whole = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=8)))
    parts = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, None], strict=True)]
    assert status(server.send(*parts, pause=0.002)) == 200


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=st.binary(min_size=1, max_size=300))
def test_no_bytes_crash_a_connection(server, junk):
    answer = server.send(junk + b"\r\n\r\n")
    assert status(answer) in (200, 400, 404, 405, 408, 411, 415, 422, 431)
    assert all(each["status"] < 500 for each in server.log)


def test_a_server_that_stops_waits_for_no_client_that_lingers(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "DRAIN_SECONDS", 60.0)
    models = write_artifact(tmp_path / "models" / "sentiment").parent
    with Server(models, "uvloop").running() as server:
        connection = server.connect()
        connection.sendall(POST + b"Content-Length: 9000000\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5
    connection.close()
