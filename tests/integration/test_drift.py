"""From real texts through the bundled model, the collector and the log to a verdict."""

import json
import subprocess
import sys

import pytest

from scripts.monitoring.answering import answered, answered_once
from scripts.monitoring.traffic import Traffic, german_reviews
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.model]


def test_german_reviews_are_found_in_the_log_of_the_bundled_model(bundled_models, tmp_path):
    traffic = Traffic("german", "", german_reviews()[::5], ["positive"] * 72)
    lines = [json.dumps(line) for line in answered(traffic, bundled_models / "sentiment")]
    predictions = tmp_path / "predictions"
    collected = subprocess.run(
        [sys.executable, "-m", "scripts.collect", "--output", str(predictions)],
        input="\n".join(["starting", *lines, ""]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert collected.stdout == "starting\n"
    looked = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.drift", "--model", "sentiment"),
            *("--registry", str(REPOSITORY / "registry"), "--log", str(predictions)),
            *("--output", str(tmp_path / "report")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked.returncode == 3, looked.stderr
    assert "sentiment: drift in 72 texts" in looked.stdout
    assert "tokens per word" in looked.stdout.splitlines()[0]
    assert "of 72 answers with feedback" in looked.stdout.lower()
    report = (tmp_path / "report/sentiment/report.html").read_text()
    assert looked.stdout.splitlines()[0] in report


def test_texts_are_answered_once_and_kept(bundled_models, tmp_path):
    traffic = Traffic("few", "", ["A warm film.", " ", "A dull one."])
    path = answered_once(traffic, bundled_models / "sentiment", tmp_path)
    first = path.read_bytes()
    assert [json.loads(line)["id"] for line in first.splitlines()] == ["few-0", "few-2"]
    path.write_bytes(b"kept")
    assert answered_once(traffic, bundled_models / "sentiment", tmp_path).read_bytes() == b"kept"
