"""Commands on files of pairs: golden sets, the gate, evaluation and scoring."""

import csv
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from function.core.artifact import open_artifact
from function.core.heads import ScoreDecoding
from function.core.tokenization import TextPair
from scripts import cascade, golden
from scripts.common.errors import DataError, UsageError
from scripts.data.forms import FORMS
from scripts.evaluate import __main__ as evaluate
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden, read_golden
from scripts.gate.golden_set import GoldenSet
from scripts.gate.settings import GateSettings
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import Registry, open_registry
from scripts.score import __main__ as score
from tests.serving import build_app, running_app
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

ROWS = [
    *((f"good film {row}", "fine", "positive") for row in range(130)),
    *((f"the film {row}", "dull", "negative") for row in range(130)),
]
SETTINGS = GateSettings(latency_ratio=100, margin=0.05)


@pytest.fixture
def artifact(tmp_path):
    return write_artifact(tmp_path / "same", model="same", pairs=True, max_tokens=32)


@pytest.fixture
def data(tmp_path):
    """Pairs whose second texts decide half of the labels."""
    path = tmp_path / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "text_pair", "label"])
        writer.writerows(ROWS)
    return path


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command's `main` with arguments, and return what it printed."""

    def run(module, *arguments):
        monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
        capsys.readouterr()
        module.main()
        return capsys.readouterr().out.strip()

    return run


@pytest.fixture
def url(artifact):
    with running_app(build_app(artifact.parent, "same")) as address:
        yield address


def golden_of(rows=ROWS):
    texts = [TextPair(text, other) for text, other, _ in rows]
    return GoldenSet(FORMS["label"], texts, [label for _, _, label in rows])


def test_a_golden_set_of_pairs_is_read_back_as_it_was_written():
    golden_set = golden_of()
    first = json.loads(golden_set.content().splitlines()[0])
    assert first == {"text": "good film 0", "text_pair": "fine", "label": "positive"}
    again = parse_golden(golden_set.content())
    assert (again.texts, again.digest) == (golden_set.texts, golden_set.digest)
    assert again.pairs


def test_pairs_that_differ_in_the_second_text_alone_are_no_repetition():
    same = [("a", "b", "positive"), ("a", "c", "negative")]
    assert len(golden_of(same)) == 2
    with pytest.raises(DataError, match="row 3 repeats"):
        golden_of([*same, ("a ", "b", "positive")])
    with pytest.raises(DataError, match="row 1 has no text"):
        golden_of([("a", " ", "positive"), *same])


def test_texts_and_pairs_do_not_mix_and_entities_are_of_single_texts():
    with pytest.raises(DataError, match="row 2"):
        GoldenSet(FORMS["label"], [TextPair("a", "b"), "c"], ["positive", "negative"])
    with pytest.raises(DataError, match="row 2"):
        GoldenSet(FORMS["label"], ["c", TextPair("a", "b")], ["positive", "negative"])
    with pytest.raises(DataError, match="single texts"):
        GoldenSet(FORMS["entities"], [TextPair("a", "b")], [[]])


def test_a_sample_of_pairs_is_the_same_whatever_the_order(data, tmp_path):
    lines = data.read_text(encoding="utf-8").splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    one, two = (
        read_golden(
            path, "text-classification", ["negative", "positive"], sample=20, pairs=True
        ).digest
        for path in (data, other)
    )
    assert one == two


def test_a_golden_set_is_frozen_before_there_is_a_version_and_with_one(
    command, artifact, data, tmp_path
):
    registry = tmp_path / "registry"
    given = ["--registry", registry, "--model", "same", "--data", data]
    digest = command(golden, *given, "--labels", "negative,positive", "--pairs")
    store = open_registry(str(registry))
    assert isinstance(store, Registry)
    assert current_golden(store.store, "same")[0] == digest
    store.publish(open_artifact(artifact))
    assert command(golden, *given) == digest


def test_the_gate_judges_pairs_by_both_texts(artifact, tmp_path):
    newer: Any = {"model": "same", "max_tokens": 32, "created": datetime(2026, 1, 3, tzinfo=UTC)}
    candidate = write_artifact(tmp_path / "candidate", pairs=True, **newer)
    champion = open_artifact(artifact)
    judged = run_gate(open_artifact(candidate), champion, golden_of(), SETTINGS)
    assert judged.outcome == "passed"
    deaf = write_artifact(tmp_path / "deaf", pairs=True, values={"good": 2.0}, **newer)
    judged = run_gate(open_artifact(deaf), champion, golden_of(), SETTINGS)
    assert judged.outcome == "refused"
    assert " | dull" in judged.disagreements[0].text
    single = write_artifact(tmp_path / "single", **newer)
    judged = run_gate(open_artifact(single), champion, golden_of(), SETTINGS)
    assert judged.outcome == "refused"
    assert any("single texts" in reason for reason in judged.reasons)


def test_an_artifact_and_a_service_are_evaluated_on_pairs(command, artifact, data, url, tmp_path):
    renamed = tmp_path / "renamed.csv"
    content = data.read_text(encoding="utf-8")
    renamed.write_text(content.replace("text_pair", "hypothesis", 1), encoding="utf-8")
    for where in (["--artifact", artifact], ["--url", url]):
        assert "accuracy           1.0" in command(evaluate, *where, "--data", data)
        named = [*where, "--data", renamed, "--text-pair", "hypothesis"]
        assert "accuracy           1.0" in command(evaluate, *named)


def test_a_column_of_second_texts_is_for_models_of_pairs(command, data, tmp_path):
    single = write_artifact(tmp_path / "single")
    with pytest.raises(UsageError, match="--text-pair: this model reads single texts"):
        command(evaluate, "--artifact", single, "--data", data, "--text-pair", "text_pair")


def test_scores_of_pairs_are_evaluated_by_rank(command, tmp_path):
    decoding = ScoreDecoding(activation="none")
    ranker = write_artifact(
        tmp_path / "ranker", decoding=decoding, labels=["score"], pairs=True, max_tokens=32
    )
    rows = [("good", "fine", 4), ("good", "the", 2), ("bad", "dull", -4), ("the", "film", 0)]
    lines = [json.dumps({"text": a, "text_pair": b, "score": c}) + "\n" for a, b, c in rows]
    (tmp_path / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    printed = command(evaluate, "--artifact", ranker, "--data", tmp_path / "rows.jsonl")
    assert "spearman           1.0" in printed


@pytest.mark.parametrize("where", ["here", "by a service"])
def test_a_file_of_pairs_is_scored(command, artifact, url, tmp_path, where):
    path = tmp_path / "rows.csv"
    path.write_text("id,text,other\n1,good,fine\n2,the,dull\n3,good,\n", encoding="utf-8")
    at = ["--model", artifact] if where == "here" else ["--url", url]
    output = tmp_path / "scored.csv"
    command(score, "--input", path, "--output", output, "--text-pair", "other", *at)
    with output.open(encoding="utf-8", newline="") as file:
        scored = list(csv.DictReader(file))
    assert [(row["id"], row["other"], row["label"]) for row in scored] == [
        ("1", "fine", "positive"),
        ("2", "dull", "negative"),
    ]
    (rejected,) = (tmp_path / "scored.csv.rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["reason"] == "its text is empty"


def test_pairs_are_not_scored_on_a_stage(command, tmp_path, capsys):
    given = ["--input", tmp_path / "a.csv", "--output", tmp_path / "b.csv"]
    with pytest.raises(SystemExit):
        command(score, *given, "--stage", "dev", "--text-pair", "other")
    assert "give --url" in capsys.readouterr().err


def test_a_cascade_is_refused_for_pairs(command, artifact, data, tmp_path):
    given = ["--artifact", artifact, "--data", data, "--output", tmp_path / "cascade"]
    with pytest.raises(UsageError, match="reads pairs of texts; a cascade is for single texts"):
        command(cascade, *given)
