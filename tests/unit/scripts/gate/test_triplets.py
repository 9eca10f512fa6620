"""The gate, golden sets and figures of models that embed texts."""

import json
import sys

import numpy as np
import pytest

from function.core.artifact import open_artifact
from function.core.heads import EmbeddingDecoding
from scripts import golden as golden_command
from scripts.common.errors import DataError
from scripts.data.triplets import Others, read_triplets
from scripts.data.truth import TextRows
from scripts.evaluate import __main__ as evaluate_command
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.triplet_answers import TripletAnswers
from scripts.gate.decision import judge_contract, run_gate
from scripts.gate.golden import parse_golden, read_golden
from scripts.gate.report import render_markdown
from scripts.gate.settings import GateSettings
from tests.tiny import write_artifact

SETTINGS = GateSettings(latency_ratio=1000, size_ratio=10)
GOOD, BAD = ("good", "fine"), ("bad", "dull")
WRONG = {"good": 2.0, "fine": -2.0, "bad": -2.0, "dull": 2.0}


def rows(count=400):
    """Texts of one good or bad word, and others of the other word of its kind, and not."""
    generator = np.random.default_rng(1)
    found: dict[str, dict[str, str]] = {}
    while len(found) < count:
        same, other = (GOOD, BAD) if generator.random() < 0.5 else (BAD, GOOD)
        filler = " ".join(generator.choice(["the", "film", "is"], 6))
        text = f"{filler} {same[0]} {len(found)}"
        found[text] = {"text": text, "positive": same[1], "negative": other[1]}
    return list(found.values())


def golden(count=400):
    return parse_golden("\n".join(map(json.dumps, rows(count))).encode())


def model(folder, values=None):
    head = EmbeddingDecoding(dimensions=3)
    given = {} if values is None else {"values": values}
    return open_artifact(write_artifact(folder, decoding=head, max_tokens=64, **given))


def test_a_golden_set_of_triplets_is_canonical():
    found = parse_golden(b'{"text": "a", "positive": "b", "negative": "c"}')
    assert found.content() == b'{"negative": "c", "positive": "b", "text": "a"}\n'
    assert parse_golden(found.content()) == found
    assert found.truth == [Others("b", "c")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"text": "a", "positive": "b"}, 'a "positive" and a "negative", two other texts'),
        ({"text": "a", "positive": "b", "negative": 1}, "1 is no text"),
        ({"text": "a", "positive": "b", "negative": " "}, "' ' is no text"),
        ({"text": "a", "positive": "b", "negative": "b"}, "both are 'b'"),
    ],
)
def test_a_line_that_is_no_triplet_is_refused(line, said):
    with pytest.raises(DataError, match=said):
        parse_golden(json.dumps(line).encode())


def test_a_first_an_equal_and_a_worse_model(tmp_path):
    best, wrong = model(tmp_path / "best"), model(tmp_path / "wrong", WRONG)
    first = run_gate(best, None, golden(), SETTINGS)
    assert first.outcome == "passed"
    assert first.candidate.figures["triplets_right"] == 1.0
    assert run_gate(best, best, golden(), SETTINGS).outcome == "passed"
    worse = run_gate(wrong, best, golden(), SETTINGS)
    assert worse.outcome == "refused"
    assert any("Share of triplets ranked right differs" in reason for reason in worse.reasons)
    page = render_markdown(worse)
    assert "| triplets right | 0.00 % (0.00 % to 0.95 %) | 100.00 % (99.05 % to 100.00 %) |" in page
    refused = run_gate(wrong, None, golden(), SETTINGS)
    assert refused.outcome == "refused"
    assert any("a lower floor_accuracy" in reason for reason in refused.reasons)


def test_a_model_of_other_dimensions_is_another_model(tmp_path):
    manifest = model(tmp_path / "m").manifest
    head = manifest.decoding.model_copy(update={"dimensions": 4})
    wider = manifest.model_copy(update={"decoding": head})
    (broken,) = judge_contract(wider, manifest, golden(1))
    assert "vectors have 4 dimensions; the champion's have 3" in broken.sentence


def test_a_golden_set_of_labels_judges_no_vectors(tmp_path):
    labelled = parse_golden(b'{"text": "a", "label": "b"}\n{"text": "c", "label": "d"}')
    reasons = [
        each.sentence for each in judge_contract(model(tmp_path / "m").manifest, None, labelled)
    ]
    assert "the candidate's task is feature-extraction" in reasons[0]


def compare(vectors):
    """Compare vectors, three a row: of a text, the closer one and the other one."""
    names = [f"text {number}" for number in range(len(vectors))]
    rows = TextRows(names[::3], list(map(Others, names[1::3], names[2::3])))
    order = map(names.index, map(str, TripletAnswers.texts_of(rows)))
    found = [{"embedding": vectors[row]} for row in order]
    return TripletAnswers.compare(found, rows, [])


def test_figures_are_the_share_ranked_right_with_its_interval():
    found = compare([[1, 0], [1, 1], [0, 1], [1, 0], [0, 1], [1, 1]])
    assert found.right.tolist() == [True, False]
    low, high = wilson_interval(1, 2)
    assert found.figures == {
        "texts": 2,
        "triplets_right": 0.5,
        "triplets_right_low": pytest.approx(low, abs=1e-5),
        "triplets_right_high": pytest.approx(high, abs=1e-5),
    }


def test_equally_close_texts_are_not_ranked_right():
    assert compare([[1, 0], [1, 0], [2, 0]]).right.tolist() == [False]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_triplets_are_read_from_every_format(tmp_path, name):
    lines = {
        "rows.csv": "text,positive,negative\na,b,c\n",
        "rows.jsonl": '{"text": "a", "positive": "b", "negative": "c"}\n',
    }
    (tmp_path / name).write_text(lines[name])
    assert read_triplets(tmp_path / name) == TextRows(["a"], [Others("b", "c")])


def test_a_row_without_two_other_texts_is_named(tmp_path):
    (tmp_path / "rows.csv").write_text("text,positive,negative\na,b,b\n")
    with pytest.raises(DataError, match="row 1: positive and negative: both are 'b'"):
        read_golden(tmp_path / "rows.csv", "feature-extraction", [])


def run(monkeypatch, command, *arguments):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    command.main()


def test_triplets_are_frozen_and_evaluated(tmp_path, monkeypatch, capsys):
    data, report = tmp_path / "rows.jsonl", tmp_path / "report.json"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(40)))
    task = ("--model", "m", "--task", "feature-extraction")
    run(monkeypatch, golden_command, "--registry", tmp_path / "registry", "--data", data, *task)
    digest = capsys.readouterr().out.strip()
    assert (tmp_path / "registry" / "m" / "golden" / f"{digest}.jsonl").is_file()
    artifact = model(tmp_path / "m").path
    run(monkeypatch, evaluate_command, "--artifact", artifact, "--data", data, "--json", report)
    assert json.loads(report.read_text())["triplets_right"] == 1.0
