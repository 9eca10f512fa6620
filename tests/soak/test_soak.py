"""Mixed load: how answers are judged, when memory counts as flat, and a short run of all of it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from random import Random

import pytest

from scripts.benchmark.connection import Answer, request
from tests.conftest import REPOSITORY
from tests.soak.answers import labels
from tests.soak.clients import Clients
from tests.soak.drain import Drained, drain
from tests.soak.record import Record
from tests.soak.report import as_json, failures, render
from tests.soak.results import Results
from tests.soak.told import Told
from tests.soak.traffic import SHORT_KIND, Asked, Kind, kinds
from tests.soak.watch import Sample, growth, leaked, watching
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

ALONE = {"clear": ("POSITIVE", 0.99), "unclear": ("POSITIVE", 0.55)}


def judged(asked: Asked, answer: Answer) -> Record:
    """What is recorded of one answer."""
    clients = Clients(1, [Kind("kind", 1, lambda _: asked)], ALONE)
    clients.judge(clients.records["kind"], asked, answer, 5.0)
    return clients.records["kind"]


def answered(*found: tuple[str, float]) -> Answer:
    predictions = [{"label": label, "score": score} for label, score in found]
    return Answer(200, {}, json.dumps({"predictions": predictions}).encode())


def test_right_answers_are_timed() -> None:
    asked = Asked(b"", texts=["clear", "unclear", "never seen"])
    record = judged(asked, answered(("POSITIVE", 0.97), ("NEGATIVE", 0.51), ("NEGATIVE", 0.9)))
    assert record.milliseconds == [5.0]
    assert record.difference == pytest.approx(0.02)
    assert not record.errors


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answered(("NEGATIVE", 0.98)), "NEGATIVE where alone it was POSITIVE"),
        (answered(("POSITIVE", 0.99), ("POSITIVE", 0.99)), "2 answers for 1 texts"),
        (Answer(200, {}, b"{}"), "KeyError"),
        (Answer(200, {}, b"half"), "JSONDecodeError"),
        (Answer(500, {}, b"broken"), "500, not 200: b'broken'"),
        (Answer(429, {}, b"go away"), "429, not 200"),
    ],
)
def test_wrong_answers_are_errors(answer: Answer, error: str) -> None:
    record = judged(Asked(b"", texts=["clear"]), answer)
    assert [error in found for found in record.errors] == [True]
    assert not record.milliseconds


def test_a_refusal_that_says_when_to_come_back_is_none() -> None:
    record = judged(Asked(b""), Answer(429, {"retry-after": "1"}, b""))
    assert (record.refused, dict(record.errors)) == (1, {})


def test_mistakes_must_be_answered_as_such() -> None:
    assert not judged(Asked(b"", 422), Answer(422, {}, b"")).errors
    assert judged(Asked(b"", 422), Answer(200, {}, b"")).errors


def samples(memory: list[int], last_descriptors: int = 10) -> list[Sample]:
    found = [Sample(float(second), size, 10, 5) for second, size in enumerate(memory)]
    return [*found, Sample(float(len(memory)), 1, last_descriptors, 5)]


def results(found: list[Sample], **other: object) -> Results:
    """Of 20 seconds in which nothing else was wrong."""
    quiet = Results(20, {}, found, Told({}, {}, 0, 0, 0, 0), Drained(2, 2, 0.5, 0))
    return replace(quiet, **other)  # type: ignore[arg-type]


def test_memory_that_settles_is_flat() -> None:
    slope, share = growth(samples([50, 80] + [100] * 20), 20)
    assert abs(slope) < 1e-6
    assert abs(share) < 1e-6


def test_memory_that_grows_with_time_is_not() -> None:
    grown = samples([1000 + 10 * second for second in range(21)])
    slope, share = growth(grown, 20)
    assert slope == pytest.approx(600)
    assert share == pytest.approx(100 / 1150)
    assert failures(results(grown)) == ["memory grows"]


def test_connections_that_stay_open_are_told() -> None:
    flat = [100] * 21
    assert leaked(samples(flat, 12)) == 2
    assert failures(results(samples(flat, 12))) == []
    assert failures(results(samples(flat, 30))) == ["20 descriptors stay open"]


def test_the_last_sample_is_of_the_end_however_seldom_they_are_taken() -> None:
    with watching(os.getpid(), 600) as found:
        while not found:
            time.sleep(0.01)
        ours, theirs = socket.socketpair()
    with ours, theirs:
        assert leaked(found) == 2


@pytest.mark.parametrize(
    ("drained", "said"),
    [
        (Drained(0, 0, 1.0, 0), ["nothing was under way on SIGTERM"]),
        (Drained(32, 31, 1.0, 0), ["1 requests under way got no answer on SIGTERM"]),
        (Drained(32, 32, 1.0, -9), ["on SIGTERM it ended after 1.0 s with -9"]),
        (Drained(32, 32, 60.0, None), ["on SIGTERM it ended not within 60 s"]),
    ],
)
def test_a_server_that_does_not_drain_is_told(drained: Drained, said: list[str]) -> None:
    assert failures(results(samples([100] * 21), drained=drained)) == said


# Answers at once, when it is stopped, or never; tells that it has as many waiting as there are.
PEER = """
import asyncio, signal, sys

async def main(answers):
    stopped, held = asyncio.Event(), []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    def answer(writer, body=b""):
        writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(body), body))

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
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
    return asyncio.run(drain(*peer, [request("GET", "/")] * 3))


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
    record = Record(asked=3, refused=1, milliseconds=[10.0])
    record.errors["500, not 200"] += 1
    found = results(samples([100] * 21), records={"review": record, "GET": Record()})
    shown = render(found)
    assert "| review | 3 | 1 | 1 | 10 | 10 | – |" in shown
    assert "| GET | 0 | 0 | 0 | – | – | – |" in shown
    assert "review: 1 × 500, not 200" in shown
    told = json.loads(as_json(found))
    assert told["requests"]["review"]["errors"] == {"500, not 200": 1}
    assert told["samples"][0]["memory"] == 100
    assert told["drained"]["answered"] == 2
    assert failures(found) == ["1 of 3 went wrong of: review"]


BEFORE = """\
# TYPE evergreen_batch_windows histogram
evergreen_batch_windows_bucket{model="sentiment",version="1",le="1.0"} 5.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="2.0"} 5.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="4.0"} 6.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="+Inf"} 6.0
# TYPE evergreen_batch_tokens histogram
evergreen_batch_tokens_sum{model="sentiment",version="1"} 100.0
# TYPE evergreen_batch_padded_tokens histogram
evergreen_batch_padded_tokens_sum{model="sentiment",version="1"} 120.0
# TYPE evergreen_requests_total counter
evergreen_requests_total{route="/v1/predict",status="429"} 1.0
"""
AFTER = """\
# TYPE evergreen_batch_windows histogram
evergreen_batch_windows_bucket{model="sentiment",version="1",le="1.0"} 6.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="2.0"} 6.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="4.0"} 10.0
evergreen_batch_windows_bucket{model="sentiment",version="1",le="+Inf"} 10.0
evergreen_batch_windows_bucket{model="ner",version="1",le="1.0"} 2.0
evergreen_batch_windows_bucket{model="ner",version="1",le="2.0"} 2.0
evergreen_batch_windows_bucket{model="ner",version="1",le="4.0"} 2.0
evergreen_batch_windows_bucket{model="ner",version="1",le="+Inf"} 2.0
# TYPE evergreen_batch_tokens histogram
evergreen_batch_tokens_sum{model="sentiment",version="1"} 190.0
evergreen_batch_tokens_sum{model="ner",version="1"} 10.0
# TYPE evergreen_batch_padded_tokens histogram
evergreen_batch_padded_tokens_sum{model="sentiment",version="1"} 230.0
evergreen_batch_padded_tokens_sum{model="ner",version="1"} 10.0
# TYPE evergreen_requests_total counter
evergreen_requests_total{route="/v1/predict",status="200"} 70.0
evergreen_requests_total{route="/v1/predict",status="429"} 3.0
evergreen_requests_total{route="/",status="429"} 1.0
"""


def test_what_the_server_tells_is_of_the_load_alone() -> None:
    told = Told.between(BEFORE, AFTER)
    assert told.windows["sentiment"] == {1: 1, 2: 0, 4: 3, inf: 0}
    assert told.windows["ner"] == {1: 2, 2: 0, 4: 0, inf: 0}
    assert (told.read, told.padded, told.refused, told.failures) == (100, 120, 3, 0)
    shown = render(results(samples([100] * 21), told=told))
    assert "3 answers of 429, 0 batches that failed" in shown
    table = [line for line in shown.splitlines() if line.startswith(("| windows", "| ≤"))]
    assert table == [
        "| windows in a batch | ner | sentiment |",
        "| ≤ 1 | 2 (100 %) | 1 (25 %) |",
        "| ≤ 2 | 0 (0 %) | 0 (0 %) |",
        "| ≤ 4 | 0 (0 %) | 3 (75 %) |",
    ]
    assert "16.7 % was padding" in shown


def test_short_texts_beside_long_ones_are_told_apart() -> None:
    short = Record(asked=3, milliseconds=[5.0, 10.0, 30.0], beside_long=[10.0, 30.0])
    shown = render(results(samples([100] * 21), records={SHORT_KIND: short}))
    assert "Of 3 short texts 2 came while long ones were under way" in shown
    assert "20 ms at the median, 30 ms at p99" in shown


def test_entities_are_judged_by_all_their_labels_and_places() -> None:
    def answer(*entities: tuple[str, int, int, float]) -> bytes:
        named = [
            dict(zip(("label", "start", "end", "score"), each, strict=True)) for each in entities
        ]
        return json.dumps({"predictions": [{"entities": named}]}).encode()

    found = labels(answer(("PER", 0, 3, 0.99), ("LOC", 8, 13, 0.95)))
    assert found == [("PER 0-3, LOC 8-13", 0.95)]
    assert labels(answer()) == [("no entities", 1.0)]


def test_every_kind_makes_whole_requests() -> None:
    draw = Random(1)
    for kind in kinds(["a review of some length"] * 4, "sentiment", "ner"):
        for _ in range(40):
            sent = kind.make(draw).sent
            head, end, body = sent.partition(b"\r\n\r\n")
            assert end
            assert head.startswith((b"GET /", b"POST /"))
            if body:
                assert f"content-length: {len(body)}".encode() in head


@pytest.mark.integration
def test_a_short_soak_finds_nothing_wrong(tmp_path) -> None:
    """On models so small that memory is still settling when it ends: that alone may be told."""
    models = write_artifact(tmp_path / "models" / "sentiment", max_tokens=512).parent
    write_entity_artifact(models / "ner")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.soak", "--seconds", "4", "--clients", "8"),
            *("--json", str(tmp_path / "soak.json")),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "MODELS_DIR": str(models), "DEFAULT_MODEL": "sentiment"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0 or done.stderr.splitlines()[-1] == "error: memory grows", done
    found = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert all(
        found["requests"][kind]["milliseconds"]
        for kind in ("short text", "review", "GET", "entities")
    )
    assert not any(record["errors"] for record in found["requests"].values())
    assert len(found["samples"]) >= 4
    assert {*found["told"]["windows"]} == {"sentiment", "ner"}
    assert found["drained"]["answered"] == found["drained"]["asked"] > 0
    assert found["drained"]["code"] == 0
    for kind in found["requests"]:
        assert f"| {kind} |" in done.stdout
