"""`python -m scripts.evaluate` with torch."""

import json

import pytest
from transformers import BertConfig

from tests.commands import run_python
from tests.tiny import WORDS, write_artifact
from tests.unit.backends.exported import LABELS, SHAPE, write_exported

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / "artifact"
    return write_exported(folder, BertConfig(**SHAPE, pad_token_id=0)).artifact.path


@pytest.fixture
def texts(tmp_path):
    """Words in turn, labels in turn: what the random model makes of them does not matter."""
    rows = [
        {
            "text": " ".join(WORDS[4 + (row + word) % 7] for word in range(1 + row % 9)),
            "label": name,
        }
        for row in range(60)
        for name in LABELS
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def evaluate(*arguments):
    return run_python("-m", "scripts.evaluate", *arguments)


def test_it_reports_how_often_torch_and_the_graph_agree(artifact, texts, tmp_path):
    report = tmp_path / "report.json"
    done = evaluate(
        *("--artifact", artifact, "--data", texts, "--backend", "torch"),
        *("--agreement", "--json", report),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["texts"] == 180
    assert found["agreement"].keys() == {
        "torch, onnx in batches",
        "torch, onnx one by one",
        "onnx in batches, one by one",
    }
    for name, agreement in found["agreement"].items():
        assert agreement["texts"] == 180
        assert agreement["share"] > 0.95
        assert 0 < agreement["max_difference"] < 0.05
        assert f"{name} " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--artifact", "x", "--agreement"),
        ("--url", "http://127.0.0.1:1", "--backend", "torch", "--agreement"),
        ("--url", "http://127.0.0.1:1", "--backend", "torch"),
    ],
)
def test_what_makes_no_sense_together_is_wrong_usage(arguments, texts):
    done = evaluate(*arguments, "--data", texts)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --")


def test_a_model_that_torch_cannot_read_is_an_error_in_one_line(texts, tmp_path):
    folder = write_artifact(tmp_path / "words")
    done = evaluate("--artifact", folder, "--data", texts, "--backend", "torch")
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "error: words: torch needs a file of role 'config', and it has none"
    )
