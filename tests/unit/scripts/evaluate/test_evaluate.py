"""`python -m scripts.evaluate` on models that find entities, and what it refuses."""

import json
import sys

import pytest

from scripts.common.errors import DataError, UsageError
from scripts.evaluate import __main__ as evaluate
from tests.golden import KNOWS_NO_COMPANY, golden_rows, write_tagged_golden
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

CONLL = """-DOCSTART- O

Ada B-person
Lovelace I-person
met O

Acme B-corporation

"""
RENAMED = ("--renamed-label", "person=PER", "--renamed-label", "corporation=ORG")


@pytest.fixture
def artifact(tmp_path):
    return write_entity_artifact(tmp_path / "ner", tag_of=KNOWS_NO_COMPANY, max_tokens=64)


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Run the command; what it wrote."""

    def run(*arguments):
        report = tmp_path / "report.json"
        line = ["evaluate", *map(str, arguments), "--json", str(report)]
        monkeypatch.setattr(sys, "argv", line)
        evaluate.main()
        return json.loads(report.read_text())

    return run


def test_entities_are_measured_as_the_artifact_finds_them(measure, artifact, tmp_path):
    data = write_tagged_golden(tmp_path / "golden.jsonl", 80)
    found = measure("--artifact", artifact, "--data", data)
    # Of 60 entities the 20 companies are not found.
    assert (found["texts"], found["entities"]) == (80, 60)
    assert (found["precision"], found["f1"]) == (1.0, 0.8)
    assert found["f1_ORG"] == 0


def test_labels_may_have_other_names_in_the_file_and_texts_may_be_read_as_documents(
    measure, artifact, tmp_path
):
    data = tmp_path / "rows.conll"
    data.write_text(CONLL)
    arguments = ("--artifact", artifact, "--data", data)
    with pytest.raises(DataError, match="'person' is none of"):
        measure(*arguments)
    apart = measure(*arguments, *RENAMED)
    assert (apart["texts"], apart["entities"], apart["recall"]) == (2, 2, 0.5)
    assert measure(*arguments, *RENAMED, "--documents")["texts"] == 1


@pytest.mark.parametrize(
    "option", [("--behaviour",), ("--highlights", "3"), ("--label", "tag"), ("--text", "words")]
)
def test_what_is_of_labels_is_refused_for_entities(measure, artifact, tmp_path, option):
    with pytest.raises(UsageError, match=f"{option[0]}: 'ner' is of token-classification"):
        measure("--artifact", artifact, "--data", tmp_path / "golden.jsonl", *option)


def test_what_is_of_entities_is_refused_for_labels(measure, tmp_path):
    artifact = write_artifact(tmp_path / "sentiment")
    with pytest.raises(UsageError, match="--documents: 'sentiment' is of text-classification"):
        measure("--artifact", artifact, "--data", tmp_path / "rows.jsonl", "--documents")


def test_columns_of_labels_may_have_any_name(measure, tmp_path):
    artifact = write_artifact(tmp_path / "sentiment")
    data = tmp_path / "rows.jsonl"
    rows = [{"review": row["text"], "mood": row["label"]} for row in golden_rows(40)]
    data.write_text("\n".join(map(json.dumps, rows)))
    found = measure("--artifact", artifact, "--data", data, "--text", "review", "--label", "mood")
    assert (found["texts"], found["accuracy"]) == (40, 1.0)


def test_a_name_of_a_served_model_needs_a_service(measure, artifact, tmp_path):
    with pytest.raises(UsageError, match="give --url"):
        measure("--artifact", artifact, "--model", "ner", "--data", tmp_path)


@pytest.mark.parametrize("value", ["person", "=PER", "person="])
def test_a_renaming_names_both(measure, artifact, tmp_path, value, capsys):
    with pytest.raises(SystemExit):
        measure("--artifact", artifact, "--data", tmp_path, "--renamed-label", value)
    assert "give OLD=NEW" in capsys.readouterr().err
