"""Mixed load: how answers are judged, when memory counts as flat, and a short run of all of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.commands import run_python
from tests.soak.__main__ import load
from tests.soak.answers import find_fault, is_refusal, labels
from tests.soak.drain import Drained, drain
from tests.soak.report import RequestStats, SoakResults
from tests.soak.watch import Sample, growth, leaked, watching
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

ALONE = {"clear": ("POSITIVE", 0.99), "unclear": ("POSITIVE", 0.55)}


def answer(*found: tuple[str, float]) -> bytes:
    predictions = [{"label": label, "score": score} for label, score in found]
    return json.dumps({"predictions": predictions}).encode()


def test_right_answers_have_no_fault() -> None:
    body = answer(("POSITIVE", 0.97), ("NEGATIVE", 0.51), ("NEGATIVE", 0.9))
    assert find_fault(200, body, 200, ["clear", "unclear", "never seen"], ALONE) == ""


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, answer(("NEGATIVE", 0.98)), "NEGATIVE where alone it was POSITIVE"),
        (200, answer(("POSITIVE", 0.99), ("POSITIVE", 0.99)), "2 answers for 1 texts"),
        (200, b"{}", "KeyError"),
        (200, b"half", "JSONDecodeError"),
        (500, b"broken", "500, not 200: b'broken'"),
        (429, b"go away", "429, not 200"),
    ],
)
def test_wrong_answers_are_errors(status: int, body: bytes, error: str) -> None:
    assert error in find_fault(status, body, 200, ["clear"], ALONE)


def test_a_refusal_that_says_when_to_come_back_is_none() -> None:
    assert is_refusal(429, {"retry-after": "1"})
    assert not is_refusal(429, {})
    assert not is_refusal(503, {"retry-after": "1"})


def test_mistakes_must_be_answered_as_such() -> None:
    assert not find_fault(422, b"", 422, [], ALONE)
    assert find_fault(200, b"", 422, [], ALONE)


def samples(memory: list[int], last_descriptors: int = 10) -> list[Sample]:
    found = [Sample(float(second), size, 10, 5) for second, size in enumerate(memory)]
    return [*found, Sample(float(len(memory)), 1, last_descriptors, 5)]


def results(found: list[Sample], **other: object) -> SoakResults:
    """Return results of 20 seconds in which nothing else went wrong."""
    quiet = SoakResults(20, {}, found, 0, Drained(2, 2, 0.5, 0))
    return replace(quiet, **other)  # type: ignore[arg-type]


def test_memory_that_stops_growing_is_flat() -> None:
    slope, share = growth(samples([50, 80] + [100] * 20), 20)
    assert abs(slope) < 1e-6
    assert abs(share) < 1e-6


def test_memory_that_grows_with_time_is_not() -> None:
    grown = samples([1000 + 10 * second for second in range(21)])
    slope, share = growth(grown, 20)
    assert slope == pytest.approx(600)
    assert share == pytest.approx(100 / 1150)
    assert results(grown).failures() == ["memory grows"]


def test_connections_that_stay_open_are_reported() -> None:
    flat = [100] * 21
    assert leaked(samples(flat, 12)) == 2
    assert results(samples(flat, 12)).failures() == []
    assert results(samples(flat, 30)).failures() == ["20 descriptors stay open"]


def test_the_last_sample_is_of_the_end_however_seldom_they_are_taken() -> None:
    with watching(os.getpid(), 600) as found:
        while not found:
            time.sleep(0.01)
        ours, theirs = socket.socketpair()
    with ours, theirs:
        assert leaked(found) == 2


@pytest.mark.parametrize(
    ("drained", "errors"),
    [
        (Drained(0, 0, 1.0, 0), ["nothing was under way on SIGTERM"]),
        (Drained(32, 31, 1.0, 0), ["1 requests under way got no answer on SIGTERM"]),
        (Drained(32, 32, 1.0, -9), ["on SIGTERM it ended after 1.0 s with -9"]),
        (Drained(32, 32, 60.0, None), ["on SIGTERM it ended not within 60 s"]),
    ],
)
def test_a_server_that_does_not_drain_is_reported(drained: Drained, errors: list[str]) -> None:
    assert results(samples([100] * 21), drained=drained).failures() == errors


def test_batches_that_failed_are_reported() -> None:
    found = results(samples([100] * 21), failed_batches=3)
    assert found.failures() == ["3 batches failed"]


# Answers at once, when it is stopped, or never; reports that it has as many waiting as there are.
PEER = """
import asyncio, signal, sys

async def main(answers):
    stopped, held = asyncio.Event(), []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    def answer(writer, body=b""):
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(body), body))

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            if head.startswith(b"POST"):
                await reader.readexactly(2)  # the body
            if head.startswith(b"GET /metrics"):
                answer(writer, b"evergreen_queue_windows %d\\n" % len(held))
            elif answers == "at once":
                answer(writer)
            else:
                held.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    if answers == "never":
        await asyncio.Event().wait()
    for writer in held:
        answer(writer)
        await writer.drain()

asyncio.run(main(sys.argv[1]))
"""

Peer = Callable[[str], tuple[int, int]]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Start a server that answers at once, when stopped, or never; returns its port and pid."""
    started = []

    def of(answers: str) -> tuple[int, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", PEER, answers],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline()), process.pid

    yield of
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def drained_by(peer: tuple[int, int]) -> Drained:
    return drain(*peer, [b"{}"] * 3)


def test_what_is_under_way_when_it_is_stopped_is_awaited(peer: Peer) -> None:
    drained = drained_by(peer("when stopped"))
    assert (drained.asked, drained.answered, drained.code) == (3, 3, 0)


def test_what_was_answered_before_it_is_stopped_does_not_count(peer: Peer) -> None:
    drained = drained_by(peer("at once"))
    assert (drained.asked, drained.answered, drained.code) == (0, 0, 0)


def test_a_server_that_hangs_when_it_is_stopped_is_given_up(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.soak.drain.PATIENCE", 0.5)
    drained = drained_by(peer("never"))
    assert (drained.asked, drained.answered, drained.code) == (3, 0, None)


def test_a_report_names_every_error() -> None:
    kinds = {
        "review": RequestStats(3, 1, 10, 20, 30, {"500, not 200": 1}),
        "GET": RequestStats(2, 0, 1, 1, 1, {}),
    }
    found = results(samples([100] * 21), requests=kinds)
    shown = found.render()
    assert [line.split() for line in shown.splitlines() if line.startswith(("review ", "GET"))] == [
        ["review", "3", "1", "10", "20", "30"],
        ["GET", "2", "0", "1", "1", "1"],
    ]
    assert "review: 1 x 500, not 200" in shown
    document = json.loads(found.as_json())
    assert document["requests"]["review"]["errors"] == {"500, not 200": 1}
    assert document["samples"][0]["memory"] == 100
    assert document["drained"]["answered"] == 2
    assert found.failures() == ["1 of 3 went wrong of: review"]


def test_entities_are_judged_by_all_their_labels_and_places() -> None:
    def entity_answer(*entities: tuple[str, int, int, float]) -> bytes:
        named = [
            dict(zip(("label", "start", "end", "score"), each, strict=True)) for each in entities
        ]
        return json.dumps({"predictions": [{"entities": named}]}).encode()

    found = labels(entity_answer(("PER", 0, 3, 0.99), ("LOC", 8, 13, 0.95)))
    assert found == [("PER 0-3, LOC 8-13", 0.95)]
    assert labels(entity_answer()) == [("no entities", 1.0)]


class Anything(JsonRequests):
    """A server that takes every request for a right one, and every text for a good one."""

    seen: ClassVar[Counter[str]] = Counter()

    def respond(self, method: str, document: Any) -> None:
        self.seen[f"{method} {self.path.partition('?')[0]}"] += 1
        if self.path == "/v1/models":
            tasks = {"sentiment": "text-classification", "ner": "token-classification"}
            self.answer({"models": [{"name": n, "task": task} for n, task in tasks.items()]})
            return
        texts = document.get("inputs") if isinstance(document, dict) else None
        count = len(texts) if isinstance(texts, list) else 1
        label = {"label": "positive", "score": 0.99}
        found = {"entities": []} if "/ner/" in self.path else label
        self.answer({"predictions": [found] * count})


@pytest.mark.integration
def test_every_kind_is_sent_and_a_wrong_answer_is_a_failure() -> None:
    """Mistakes that the server takes for right requests are all that goes wrong here."""
    Anything.seen.clear()
    server = ThreadingHTTPServer((LOOPBACK, 0), Anything)
    with serving(server):
        requests = load(server.server_port, 6, 8)
    assert {
        *("short text", "review", "text of many windows", "32 reviews", "short text, explained"),
        *("Hugging Face", "text-embeddings-inference", "Open Inference Protocol", "invalid", "GET"),
        *("hangs up", "entities"),
    } <= {*requests}
    assert [name for name, kind in requests.items() if kind.failures] == ["invalid"]
    assert any(error.startswith("200, not 4") for error in requests["invalid"].errors)
    paths = ("/", "/predict", "/v1/predict", "/v1/models/ner/predict", "/v2/models/sentiment/infer")
    assert all(Anything.seen[f"POST {path}"] for path in paths)


@pytest.mark.integration
def test_a_short_soak_finds_nothing_wrong(tmp_path) -> None:
    """On models so small that memory is still settling when it ends: that alone may be reported."""
    models = write_artifact(tmp_path / "models" / "sentiment", max_tokens=512).parent
    write_entity_artifact(models / "ner")
    soak = ("-m", "tests.soak", "--seconds", 4, "--clients", 8, "--json", tmp_path / "soak.json")
    done = run_python(*soak, MODELS_DIR=str(models), DEFAULT_MODEL="sentiment")
    assert done.returncode == 0 or done.stderr.splitlines()[-1] == "error: memory grows", done
    found = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert all(found["requests"][kind]["count"] for kind in ("review", "GET", "entities"))
    assert any(found["requests"][kind]["p50"] for kind in found["requests"])
    assert not any(kind["failures"] for kind in found["requests"].values())
    assert len(found["samples"]) >= 4
    assert found["drained"]["answered"] == found["drained"]["asked"] > 0
    assert found["drained"]["code"] == 0
    for kind in found["requests"]:
        assert f"\n{kind} " in done.stdout
