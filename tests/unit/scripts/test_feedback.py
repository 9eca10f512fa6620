"""Feedback that becomes rows to train on."""

import sys

import pytest

from scripts import feedback
from scripts.common.command_line import run
from scripts.data.labelled_texts import read_labelled
from scripts.data.spans import Span
from scripts.data.tagged_texts import read_tagged
from scripts.drift.log_lines import write_parquet
from scripts.feedback import collect_feedback_texts
from scripts.gate.golden import read_golden
from tests.predictions import EVER, log_lines

LABELS = ["negative", "positive"]


def answered(*texts):
    """A line of the log for each text."""
    lines = log_lines(len(texts))
    return [
        {**line, "id": str(place), "characters": len(text)}
        for place, (text, line) in enumerate(zip(texts, lines, strict=True))
    ]


def feedback_on(id_, minute, **said):
    return {"log": "feedback", "id": str(id_), "time": f"2026-11-15T00:{minute:02}:00Z", **said}


def rows(*lines, model="sentiment"):
    return collect_feedback_texts(lines, EVER, model).rows


def test_the_last_word_on_a_text_counts():
    lines = [
        *answered("fine", "fine", "dull"),
        feedback_on(0, 3, label="negative", text="fine"),
        feedback_on(0, 1, label="positive", text="fine"),
        feedback_on(1, 9, label="positive", text="fine"),
        feedback_on(2, 2, label="negative", text="dull"),
    ]
    assert rows(*lines) == [
        {"text": "dull", "label": "negative"},
        {"text": "fine", "label": "positive"},
    ]


def test_a_label_can_be_corrected_without_the_text():
    first = feedback_on(0, 1, label="positive", text="fine")
    assert rows(*answered("fine"), first, feedback_on(0, 2, label="negative")) == [
        {"text": "fine", "label": "negative"}
    ]


def test_what_is_not_in_the_log_or_of_another_model_is_left_out():
    line = feedback_on(0, 1, label="positive", text="fine")
    assert rows(line) == []
    assert rows(*answered("fine"), line, model="ner") == []


def test_a_text_that_is_not_what_was_answered_is_left_out_and_counted():
    lines = [
        *answered("fine", "dull", "good"),
        feedback_on(0, 1, label="positive", text="something else"),
        feedback_on(1, 1, label="negative"),
        None,
        {"log": "feedback", "id": "2", "time": "2026-11-15T00:00:00Z", "text": "good"},
        {"log": "feedback", "id": "2"},
    ]
    found = collect_feedback_texts(lines, EVER, "sentiment")
    assert (found.rows, found.foreign, found.without_text, found.damaged) == ([], 1, 1, 3)


def test_a_text_of_the_same_length_is_distinguished_by_its_hash_from_the_one_that_was_answered():
    same, other, unhashed = answered("good", "good", "good")
    lines = [
        {**same, "text_hmac": "of good"},
        {**other, "text_hmac": "of good"},
        {**unhashed, "text_hmac": "of good"},
        feedback_on(0, 1, label="positive", text="good", text_hmac="of good"),
        feedback_on(1, 1, label="negative", text="evil", text_hmac="of evil"),
        feedback_on(2, 1, label="negative", text="evil", text_hmac="of good"),
        feedback_on(2, 2, label="negative", text="dull"),
    ]
    found = collect_feedback_texts(lines, EVER, "sentiment")
    assert [row["text"] for row in found.rows] == ["good", "dull"], "without a hash, by length"
    assert all(row.keys() == {"text", "label"} for row in found.rows)
    assert found.foreign == 1


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Run the command over lines; returns the exit code and what was printed."""

    def of(lines, output, model="sentiment"):
        log = tmp_path / "log.parquet"
        log.write_bytes(write_parquet(lines))
        arguments = ["--model", model, "--log", str(log), "--output", str(output)]
        monkeypatch.setattr(sys, "argv", ["feedback", *arguments])
        try:
            run(feedback.main)
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().out

    return of


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_training_and_golden_sets_read_what_it_writes(command, tmp_path, suffix):
    output = tmp_path / f"feedback{suffix}"
    lines = [
        *answered("fine, so to say", "dull", "so-so"),
        feedback_on(0, 1, label="positive", text="fine, so to say"),
        feedback_on(1, 2, label="negative", text="dull"),
        feedback_on(2, 2, label="negative"),
    ]
    code, said = command(lines, output)
    assert (code, said) == (0, "2 texts: 1 negative, 1 positive; left out: 1 without a text\n")
    read = read_labelled(output, LABELS)
    assert sorted(zip(read.texts, read.labels, strict=True)) == [
        ("dull", 0),
        ("fine, so to say", 1),
    ]
    assert len(read_golden(output, "text-classification", LABELS)) == 2


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_entities_come_back_as_they_were_told(command, tmp_path, suffix):
    (line,) = answered("🐈 Ada")
    line = {**line, "model": "ner", "labels": {"LOC": 1}}
    del line["label"]
    entities = [{"label": "PER", "start": 2, "end": 5}]
    output = tmp_path / f"feedback{suffix}"
    lines = [line, feedback_on(0, 1, text="🐈 Ada", entities=entities)]
    assert command(lines, output, "ner") == (0, "1 texts: 1 with entities\n")
    assert read_tagged(output, ["PER"]).spans == [[Span(2, 5, "PER")]]


def test_no_feedback_leaves_no_file(command, tmp_path):
    assert command(answered("fine"), tmp_path / "feedback.jsonl") == (0, "0 texts, and no file\n")
    assert not (tmp_path / "feedback.jsonl").exists()


def test_another_ending_is_refused_before_anything_is_read(command, tmp_path):
    code, said = command([], tmp_path / "feedback.csv")
    assert code == 2
    assert ".parquet or .jsonl" in said


def test_a_file_that_is_there_already_is_not_written_over(command, tmp_path):
    output = tmp_path / "feedback.jsonl"
    output.write_text("of last week")
    code, said = command(
        [*answered("fine"), feedback_on(0, 1, label="positive", text="fine")], output
    )
    assert code == 2
    assert "is there already" in said
    assert output.read_text() == "of last week"


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_nothing_else_is_left_beside_the_file(command, tmp_path, suffix):
    lines = [*answered("fine"), feedback_on(0, 1, label="positive", text="fine")]
    command(lines, tmp_path / f"feedback{suffix}")
    assert {path.name for path in tmp_path.iterdir()} == {"log.parquet", f"feedback{suffix}"}
