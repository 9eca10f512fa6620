"""The load generator: what it counts, what it refuses to count, and how much it can ask."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from scripts.benchmark.load import Connection, FailedError, Load, request
from scripts.benchmark.processes import Running, echo_server, persistent_worker, serving
from scripts.benchmark.throughput import ask
from scripts.common.errors import CommandError
from tests.commands import run_python

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def echo() -> Iterator[Running]:
    """A server that answers at once."""
    with serving(echo_server(), "a text") as running:
        yield running


def run_against(handle: Handle, **job: object) -> dict[str, object]:
    """Run a load in this process against a server in it."""

    async def both() -> dict[str, object]:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            defaults = {"port": port, "path": "/", "bodies": ["{}"], "clients": 1}
            return await Load({**defaults, "seconds": 5.0, "answers": 10, **job}).run()

    return asyncio.run(both())


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


def answer(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def test_bodies_are_sent_in_turn_and_over_again() -> None:
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            seen.append(await read_request(reader))
            writer.write(answer("200 OK", b"x" * 100_000))

    result = run_against(handle, bodies=["first", "second", "third"], answers=4)
    assert seen == [b"first", b"second", b"third", b"first", b"second"]
    assert len(result["milliseconds"]) == 4  # type: ignore[arg-type]


def test_nothing_counts_until_every_client_has_had_an_answer() -> None:
    """The first answer of one of three clients takes long; only what follows it is measured."""
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        slow = connections == 3
        while not reader.at_eof():
            await read_request(reader)
            await asyncio.sleep(0.3 if slow else 0.001)
            slow = False
            writer.write(answer("200 OK", b"{}"))

    result = run_against(handle, clients=3, answers=30)
    assert len(result["milliseconds"]) == 30  # type: ignore[arg-type]
    assert max(result["milliseconds"]) < 300  # type: ignore[call-overload]
    assert result["seconds"] < 0.3  # type: ignore[operator]


def test_an_answer_that_is_not_200_fails_the_whole() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer("429 Too Many Requests", b"later"))
        await writer.drain()

    with pytest.raises(FailedError, match="429: b'later'"):
        run_against(handle, clients=4)


def test_a_server_that_hangs_up_fails_the_whole() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        writer.close()

    with pytest.raises(ConnectionResetError):
        run_against(handle)


def test_a_connection_says_when_it_is_closed_and_hangs_up_on_request() -> None:
    received: list[bytes] = []

    async def talk() -> None:
        done = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.append(await reader.read())
            writer.close()
            done.set()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            connection = await Connection.open(server.sockets[0].getsockname()[1])
            assert not connection.closed
            connection.send(b"half a requ")
            connection.close()
            assert connection.closed
            with pytest.raises(ConnectionResetError):
                await connection.ask(b"est")
            await done.wait()

    asyncio.run(talk())
    assert received == [b"half a requ"]


def test_requests_carry_what_a_server_needs() -> None:
    assert request("GET", "/a") == b"GET /a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    sent = json.dumps({"inputs": "é"}, ensure_ascii=False).encode()
    head, _, body = request("POST", "/a", sent).partition(b"\r\n\r\n")
    assert body == sent
    assert {b"content-type: application/json", b"content-length: %d" % len(sent)} <= {
        *head.split(b"\r\n")
    }


@pytest.mark.integration
@pytest.mark.parametrize("clients", [1, 128])
def test_it_asks_far_more_than_any_model_answers(echo: Running, clients: int) -> None:
    cell = ask(echo, ["a text"] * 10, clients=clients, seconds=0.5)
    assert cell.texts_per_second > 500
    assert 0 < cell.generator <= 1.5
    assert len(cell.milliseconds) == pytest.approx(0.5 * cell.texts_per_second, rel=0.5)


@pytest.mark.integration
def test_texts_are_counted_where_a_request_holds_several(echo: Running) -> None:
    cell = ask(echo, ["a text"] * 10, clients=1, answers=20, texts_a_request=4)
    assert len(cell.milliseconds) == 20
    seconds = sum(cell.milliseconds) / 1000
    assert cell.texts_per_second == pytest.approx(80 / seconds, rel=0.3)


@pytest.mark.integration
def test_other_processes_are_distinguished_from_what_is_measured(echo: Running) -> None:
    """Another process that only counts takes a core from the one that is measured."""
    code = "while True: pass"
    # Not ours: an orphan belongs to the machine's first process.
    shell = f"{sys.executable} -c '{code}' >/dev/null 2>&1 & echo $!"
    stranger = int(subprocess.check_output(["sh", "-c", shell]))
    try:
        busy = ask(echo, ["a text"], clients=1, seconds=1.0)
    finally:
        os.kill(stranger, signal.SIGKILL)
    assert busy.elsewhere > 0.2


@pytest.mark.integration
def test_a_failed_load_is_reported(echo: Running) -> None:
    nobody = Running(echo.pid, 9, echo.path, 0.0)
    with pytest.raises(CommandError, match="a request failed"):
        ask(nobody, ["a text"], clients=2, seconds=1)


@pytest.mark.integration
def test_a_persistent_worker_answers_every_line_until_its_end_which_is_reported(
    tmp_path: Path,
) -> None:
    (tmp_path / "worker.py").write_text(
        "import json, sys\njob = json.loads(input())\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    if asked['n'] > 2:\n        sys.exit('no more')\n"
        "    print(json.dumps([job, asked]), flush=True)\n",
        encoding="utf-8",
    )
    with persistent_worker("a", {"job": 1}, {"PYTHONPATH": str(tmp_path)}, "worker") as worker:
        assert worker({"n": 1}) == [{"job": 1}, {"n": 1}]
        assert worker({"n": 2}) == [{"job": 1}, {"n": 2}]
        for _ in range(2):
            with pytest.raises(CommandError, match="a failed:\nno more"):
                worker({"n": 3})


@pytest.mark.integration
def test_the_generator_loads_nothing_heavy() -> None:
    """It is started again for every load run."""
    code = (
        "import sys, scripts.benchmark.worker, scripts.benchmark.load; print(sorted(sys.modules))"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert not {"'numpy'", "'pydantic'", "'onnxruntime'"} & set(done.stdout[1:-2].split(", "))
