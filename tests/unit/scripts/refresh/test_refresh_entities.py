"""The life of a model that finds entities, from a source to a candidate."""

import json
import sys
from datetime import UTC, datetime

import pytest

from function.core.artifact import open_artifact
from scripts import golden as golden_command
from scripts.common.errors import SourceError
from scripts.gate.golden import parse_golden
from scripts.refresh.refresh import refresh
from scripts.refresh.sources.directory import Directory
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import open_registry
from tests.golden import KNOWS_NO_COMPANY, LENIENT, write_golden, write_tagged_golden
from tests.tiny_entities import write_entity_artifact

MODEL = "ner"


@pytest.fixture
def location(tmp_path):
    return str(tmp_path / "registry")


@pytest.fixture
def registry(location):
    return open_registry(location)


@pytest.fixture
def freeze(location, monkeypatch, capsys):
    """`python -m scripts.golden`, as far as its digest."""

    def run(data):
        arguments = ["golden", "--registry", location, "--model", MODEL, "--data", str(data)]
        monkeypatch.setattr(sys, "argv", arguments)
        golden_command.main()
        return capsys.readouterr().out.strip()

    return run


@pytest.fixture
def judge(registry, tmp_path):
    gate = tmp_path / "gate.toml"
    gate.write_text(LENIENT)

    def run(path):
        source = Directory(str(path))
        return refresh(
            registry, MODEL, source, gate_settings=gate, retry=False, say=lambda line: None
        )

    return run


@pytest.fixture
def first(registry, freeze, tmp_path):
    """Published, with a golden set."""
    path = write_entity_artifact(tmp_path / "first")
    registry.publish(open_artifact(path))
    freeze(write_tagged_golden(tmp_path / "golden.jsonl"))
    return path


def test_a_golden_set_is_frozen_by_the_models_task(registry, first, freeze, tmp_path):
    digest, content = current_golden(registry.store, MODEL)
    assert parse_golden(content).task == "token-classification"
    columns = tmp_path / "golden.conll"
    columns.write_text("Ada B-PER\nin O\nParis B-LOC\n")
    assert freeze(columns) == current_golden(registry.store, MODEL)[0] != digest


def test_a_first_an_equal_and_a_worse_model(registry, first, judge, tmp_path):
    begun = judge(first)
    assert (begun.verdict, begun.previous) == ("passed", None)
    registry.promote(MODEL, begun.version, "it answered")

    later = datetime(2026, 1, 3, tzinfo=UTC)
    equal = judge(write_entity_artifact(tmp_path / "equal", created=later))
    assert (equal.verdict, equal.changed, equal.previous) == ("passed", True, begun.version)
    assert "F1 of whole entities 100.00 %" in equal.report

    worse = judge(write_entity_artifact(tmp_path / "worse", tag_of=KNOWS_NO_COMPANY))
    assert (worse.verdict, worse.changed) == ("refused", False)
    assert registry.alias(MODEL, "candidate").version == equal.version
    assert any(reason.startswith("F1") for reason in worse.reasons)


def test_a_golden_set_of_labels_refuses_it_and_says_what_to_do(registry, first, judge, tmp_path):
    from scripts.registry.golden_sets import freeze_golden

    freeze_golden(registry.store, MODEL, write_golden(tmp_path / "labels.jsonl").read_bytes())
    refused = judge(first)
    assert refused.verdict == "refused"
    assert "Freeze a golden set for that task" in refused.reasons[0]


def test_a_checkpoint_that_answers_questions_is_no_model_to_import(first, judge, tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    config = {"model_type": "bert", "architectures": ["BertForQuestionAnswering"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SourceError, match=r"scripts\.train"):
        judge(folder)


def test_where_the_page_cannot_be_written_nothing_is_published(registry, first, judge, monkeypatch):
    def fail(judgement):
        raise KeyError

    before = registry.versions(MODEL)
    monkeypatch.setattr("scripts.refresh.judge.render_markdown", fail)
    other = write_entity_artifact(first.parent / "other", created=datetime(2026, 1, 3, tzinfo=UTC))
    with pytest.raises(KeyError):
        judge(other)
    assert registry.versions(MODEL) == before
