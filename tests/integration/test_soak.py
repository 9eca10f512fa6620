"""Mixed load: how answers are judged, when memory counts as flat, and a short run of all of it."""

import json
import os
import subprocess
import sys
from random import Random

import pytest

from scripts.benchmarking.connection import Answer
from scripts.soaking.clients import Clients
from scripts.soaking.record import Record
from scripts.soaking.report import as_json, failures, render
from scripts.soaking.traffic import Asked, Kind, kinds
from scripts.soaking.watch import Sample, growth, leaked
from tests.conftest import REPOSITORY
from tests.tiny import write_artifact

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


def test_memory_that_settles_is_flat() -> None:
    slope, share = growth(samples([50, 80] + [100] * 20), 20)
    assert abs(slope) < 1e-6
    assert abs(share) < 1e-6


def test_memory_that_grows_with_time_is_not() -> None:
    grown = samples([1000 + 10 * second for second in range(21)])
    slope, share = growth(grown, 20)
    assert slope == pytest.approx(600)
    assert share == pytest.approx(100 / 1150)
    assert failures(20, {}, grown) == ["memory grows"]


def test_connections_that_stay_open_are_told() -> None:
    flat = [100] * 21
    assert leaked(samples(flat, 12)) == 2
    assert failures(20, {}, samples(flat, 12)) == []
    assert failures(20, {}, samples(flat, 30)) == ["20 descriptors stay open"]


def test_a_report_names_every_error() -> None:
    record = Record(asked=3, refused=1, milliseconds=[10.0])
    record.errors["500, not 200"] += 1
    shown = render(20, {"review": record, "GET": Record()}, samples([100] * 21))
    assert "| review | 3 | 1 | 1 | 10 | 10 | – |" in shown
    assert "| GET | 0 | 0 | 0 | – | – | – |" in shown
    assert "review: 1 × 500, not 200" in shown
    found = json.loads(as_json({"review": record}, samples([100])))
    assert found["requests"]["review"]["errors"] == {"500, not 200": 1}
    assert found["samples"][0]["memory"] == 100
    assert failures(20, {"review": record}, samples([100] * 21)) == ["1 of 3 went wrong of: review"]


def test_every_kind_makes_whole_requests() -> None:
    draw = Random(1)
    for kind in kinds(["a review of some length"] * 4, "sentiment"):
        for _ in range(40):
            sent = kind.make(draw).sent
            head, end, body = sent.partition(b"\r\n\r\n")
            assert end
            assert head.startswith((b"GET /", b"POST /"))
            if body:
                assert f"content-length: {len(body)}".encode() in head


@pytest.mark.integration
def test_a_short_soak_finds_nothing_wrong(tmp_path) -> None:
    """On a model so small that memory is still settling when it ends: that alone may be told."""
    models = write_artifact(tmp_path / "models" / "sentiment", max_tokens=512).parent
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.soak", "--seconds", "4", "--clients", "8"),
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
    assert all(found["requests"][kind]["milliseconds"] for kind in ("short text", "review", "GET"))
    assert not any(record["errors"] for record in found["requests"].values())
    assert len(found["samples"]) >= 4
    for kind in found["requests"]:
        assert f"| {kind} |" in done.stdout
