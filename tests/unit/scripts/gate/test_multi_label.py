"""The gate, golden sets and figures of models that give texts several labels."""

import json
import sys

import numpy as np
import pytest

from function.core.artifact import open_artifact
from function.core.heads import SigmoidDecoding
from scripts import golden as golden_command
from scripts.common.errors import DataError
from scripts.data.multi_labelled import read_multi_labelled
from scripts.data.truth import TextRows
from scripts.evaluate import __main__ as evaluate_command
from scripts.evaluate.multi_label_answers import MultiLabelAnswers
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden
from scripts.gate.report import render_markdown
from scripts.gate.settings import GateSettings
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import open_registry
from tests.golden import KNOWS_ALL, KNOWS_HALF, golden_rows
from tests.tiny import write_artifact

DECODING = SigmoidDecoding(thresholds=[0.5, 0.5])
LABELS = ["negative", "positive"]
SETTINGS = GateSettings(
    floor_calibration=0.9, calibration_rise=0.9, latency_ratio=1000, size_ratio=10
)


def rows(count=400):
    """Of each four sentences one is good, one fine, one bad, and one neither."""
    return [
        {
            "text": row["text"].replace("dull", "film"),
            "labels": [] if "dull" in row["text"] else [row["label"]],
        }
        for row in golden_rows(count)
    ]


def golden(count=400):
    return parse_golden("\n".join(map(json.dumps, rows(count))).encode())


def model(folder, values=KNOWS_ALL, decoding=DECODING):
    return open_artifact(write_artifact(folder, values=values, decoding=decoding, max_tokens=64))


def test_a_golden_set_of_lists_is_of_models_with_several_labels():
    found = golden(8)
    assert (found.task, found.key, found.used_labels) == (
        "text-classification",
        "labels",
        {"negative", "positive"},
    )
    assert parse_golden(found.content()) == found
    with pytest.raises(DataError, match='give "labels", a list of strings: labels: each at most'):
        parse_golden(b'{"text": "a", "labels": ["x", "x"]}')
    with pytest.raises(DataError, match="texts with labels"):
        parse_golden(b'{"text": "a", "labels": []}')


def test_a_first_an_equal_and_a_worse_model(tmp_path):
    best, half = model(tmp_path / "best"), model(tmp_path / "half", KNOWS_HALF)
    first = run_gate(best, None, golden(), SETTINGS)
    assert first.outcome == "passed"
    assert first.candidate.figures["f1"] == 1.0
    assert run_gate(best, half, golden(), SETTINGS).outcome == "passed"
    worse = run_gate(half, best, golden(), SETTINGS)
    assert worse.outcome == "refused"
    # Of 300 labels the 100 of "fine" are not given: precision 1, recall 2/3.
    assert worse.candidate.figures["f1"] == pytest.approx(0.8)
    assert worse.candidate.figures["exact_texts"] == 0.75
    assert any("F1 of labels 80.00 %" in reason for reason in worse.reasons)
    assert any(reason.startswith("label positive, 200 rows") for reason in worse.reasons)
    page = render_markdown(worse)
    assert "| exact texts | 75.00 % (" in page
    assert "| no label | 100 | 100.00 % |" in page
    assert "| positive | no label 0.50 | positive 0.88 |" in page


def test_one_label_is_no_successor_of_several(tmp_path):
    several, one = model(tmp_path / "several"), model(tmp_path / "one", decoding=None)
    refused = run_gate(one, several, golden(), SETTINGS)
    assert refused.outcome == "refused"
    assert refused.reasons[0].startswith("It answers with label; the champion with labels")
    assert 'each text has "labels", a list of strings' in refused.reasons[1]


def answers(chosen, truth, sure=0.9):
    chosen, truth = np.array(chosen, dtype=bool), np.array(truth, dtype=bool)
    return MultiLabelAnswers(["a", "b"], np.where(chosen, sure, 1 - sure), chosen, truth)


def test_figures_are_those_of_labels_counted_together():
    figures = answers([[1, 1], [0, 1], [0, 0]], [[1, 0], [0, 1], [1, 0]]).figures
    for name in ("precision", "recall", "f1", "macro_f1"):
        assert figures[name] == pytest.approx(2 / 3, abs=1e-5)
    assert figures["exact_texts"] == pytest.approx(1 / 3, abs=1e-5)
    # Four of six decisions are right, each with 0.9.
    assert figures["calibration_error"] == pytest.approx(0.9 - 4 / 6, abs=1e-5)


def test_an_answer_supports_the_truth_by_every_decision():
    found = answers([[1, 0], [1, 1]], [[1, 0], [0, 0]])
    assert found.support.tolist() == pytest.approx([0.9, 0.1])
    assert (found.scored, found.show(1).truth, found.show(1).answer) == (
        4,
        "no label",
        "a, b",
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", 'text,labels\nt1,"a, b"\nt2,\nt3,"[""b""]"\n'),
        (
            "rows.jsonl",
            '{"text": "t1", "labels": ["b", "a"]}\n{"text": "t2"}\n'
            '{"text": "t3", "labels": ["b"]}\n',
        ),
    ],
)
def test_labels_are_read_from_every_format(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    found = read_multi_labelled(tmp_path / name, ["a", "b"])
    assert found == TextRows(["t1", "t2", "t3"], [["a", "b"], [], ["b"]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "id,text,B,a\n7,t1,1,1\n7,t2,0,0\n8,t3,1,0\n"),
        (
            "rows.jsonl",
            '{"id": 7, "text": "t1", "B": true, "a": 1}\n'
            '{"id": 7, "text": "t2", "B": false, "a": 0}\n'
            '{"id": 8, "text": "t3", "B": 1.0, "a": 0.0}\n',
        ),
    ],
)
def test_each_label_may_have_a_column(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    found = read_multi_labelled(path, ["a", "b"], group="id", renamed={"B": "b"})
    labels = [["b", "a"], [], ["b"]]
    assert found == TextRows(["t1", "t2", "t3"], labels, ["7", "7", "8"])
    assert found.select([2]) == TextRows(["t3"], [["b"]], ["8"])
    path.write_text(content.replace("t2,0", "t2,-1").replace("false", "-1"))
    with pytest.raises(DataError, match=r"'B' is 0 or 1, not '?-1"):
        read_multi_labelled(path, ["a", "b"], renamed={"B": "b"})
    with pytest.raises(DataError, match="no column 'labels'"):
        read_multi_labelled(path, ["a", "b", "c"], renamed={"B": "b"})


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('"c"', "line 2: label 'c' is none of a, b"),
        ("3", "line 2: labels are a list of names"),
        ('["a", 1]', "line 2: labels are a list of names"),
        ('["a", "a"]', "line 2: labels: each at most once"),
    ],
)
def test_a_row_with_other_labels_is_named(tmp_path, cell, said):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "t", "labels": []}\n{"text": "t", "labels": ' + cell + "}\n")
    with pytest.raises(DataError, match=said):
        read_multi_labelled(path, ["a", "b"])


def test_the_commands_read_the_models_kind_of_truth(tmp_path, monkeypatch):
    artifact, data = model(tmp_path / "topics"), tmp_path / "golden.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(40)))
    report = tmp_path / "report.json"
    line = ["evaluate", "--artifact", str(artifact.path), "--data", str(data)]
    monkeypatch.setattr(sys, "argv", [*line, "--json", str(report)])
    evaluate_command.main()
    assert json.loads(report.read_text())["f1"] == 1.0
    registry = open_registry(str(tmp_path / "registry"))
    line = ["golden", "--registry", str(tmp_path / "registry"), "--model", "sentiment"]
    line += ["--data", str(data)]
    monkeypatch.setattr(sys, "argv", [*line, "--labels", ",".join(LABELS), "--truth", "labels"])
    golden_command.main()
    before = current_golden(registry.store, "sentiment")
    assert parse_golden(before[1]).key == "labels"
    registry.publish(artifact)
    monkeypatch.setattr(sys, "argv", line)
    golden_command.main()
    assert current_golden(registry.store, "sentiment") == before
