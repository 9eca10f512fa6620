import hashlib
import json

import pytest

from function.core.heads import Task
from scripts.common.errors import DataError
from scripts.data.forms import FORMS
from scripts.data.spans import Span
from scripts.evaluate.label_answers import label_codes
from scripts.gate.golden import parse_golden, read_golden
from scripts.gate.golden_set import GoldenSet

TASK: Task = "text-classification"
LABELS = ["negative", "positive"]


def test_the_canonical_form_is_one_sorted_line_a_row_in_utf_8():
    golden = GoldenSet(FORMS["label"], ["über\ngut", "dull"], ["positive", "negative"])
    assert golden.content().decode() == (
        '{"label": "positive", "text": "über\\ngut"}\n{"label": "negative", "text": "dull"}\n'
    )
    assert golden.digest == hashlib.sha256(golden.content()).hexdigest()


def test_what_is_written_is_read_again_with_every_kind_of_line_end_inside():
    golden = GoldenSet(FORMS["label"], ["a\u2028b\r\nc\x85d", "e"], LABELS)
    again = parse_golden(golden.content())
    assert again == golden
    assert again.digest == golden.digest


def test_the_order_of_keys_and_spaces_are_no_part_of_the_identity():
    golden = GoldenSet(FORMS["label"], ["é good", "dull"], ["positive", "negative"])
    loose = b'{"text":"\\u00e9 good","label":"positive"}\n\n{"text":"dull",  "label":"negative"}'
    assert parse_golden(loose).digest == golden.digest


def test_the_order_of_rows_is_part_of_the_identity():
    assert (
        GoldenSet(FORMS["label"], ["a", "b"], LABELS).digest
        != GoldenSet(FORMS["label"], ["b", "a"], LABELS[::-1]).digest
    )


@pytest.mark.parametrize(
    ("texts", "labels", "problem"),
    [
        (["a", " \n"], LABELS, "row 2 has no text"),
        (["a", "b", "a", " b "], LABELS * 2, "row 3 repeats an earlier text, and 1 more"),
        (["a", "b"], ["negative"] * 2, "two labels"),
        ([], [], "two labels"),
        (["a", "\ud800"], LABELS, "row 2 has half a character"),
    ],
)
def test_a_set_that_cannot_judge_is_refused(texts, labels, problem):
    with pytest.raises(DataError, match=problem):
        GoldenSet(FORMS["label"], texts, labels)


@pytest.mark.parametrize(
    "line", [b"{", b'"text"', b'{"text": "a"}', b'{"text": "a", "label": 1}', b"\xff"]
)
def test_a_line_that_is_no_row_is_named(line):
    with pytest.raises(DataError, match="line 2"):
        parse_golden(b'{"text": "b", "label": "positive"}\n' + line)


@pytest.mark.parametrize("labels", [["negative", "positive"], [0, 1]])
def test_a_file_may_name_labels_or_their_codes(tmp_path, labels):
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"t{row}", "label": label} for row, label in enumerate(labels)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert list(read_golden(path, TASK, LABELS).truth) == LABELS


def test_the_file_of_a_set_that_cannot_judge_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nsame,0\nsame,1\n")
    with pytest.raises(DataError, match=r"rows\.csv.*repeats"):
        read_golden(path, TASK, LABELS)


def test_codes_follow_the_order_of_the_models_labels():
    golden = GoldenSet(FORMS["label"], ["a", "b"], ["negative", "positive"])
    assert label_codes(golden.truth, ["positive", "negative"]).tolist() == [1, 0]
    with pytest.raises(DataError, match="'negative'"):
        label_codes(golden.truth, ["positive", "other"])


ADA, PARIS = Span(0, 3, "PER"), Span(7, 12, "LOC")


def test_of_entities_the_canonical_form_has_them_in_reading_order_with_sorted_keys():
    golden = GoldenSet(FORMS["entities"], ["Ada in Paris", "é"], [[ADA, PARIS], []])
    assert golden.content().decode() == (
        '{"entities": [{"end": 3, "label": "PER", "start": 0}, '
        '{"end": 12, "label": "LOC", "start": 7}], "text": "Ada in Paris"}\n'
        '{"entities": [], "text": "é"}\n'
    )
    assert parse_golden(golden.content()) == golden
    assert golden.used_labels == {"LOC", "PER"}


def test_the_order_in_which_entities_are_written_is_no_part_of_the_identity():
    spans = [{"start": 7, "end": 12, "label": "LOC"}, {"start": 0, "end": 3, "label": "PER"}]
    loose = json.dumps({"text": "Ada in Paris", "entities": spans}).encode()
    assert (
        parse_golden(loose).digest
        == GoldenSet(FORMS["entities"], ["Ada in Paris"], [[ADA, PARIS]]).digest
    )


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ([Span(0, 4, "PER")], r"row 1: \[0, 4\) lies outside"),
        ([Span(0, 2, "PER"), Span(1, 3, "PER")], r"row 1: \[1, 3\) .* overlaps"),
        ([Span(2, 2, "PER")], r"row 1: \[2, 2\)"),
        ([], "texts with entities"),
    ],
)
def test_entities_that_cannot_be_are_refused(spans, problem):
    with pytest.raises(DataError, match=problem):
        GoldenSet(FORMS["entities"], ["Ada"], [spans])


@pytest.mark.parametrize(
    "entities",
    [
        "PER",
        ["PER"],
        [{"start": 0, "end": 3}],
        [{"start": "0", "end": 3, "label": "PER"}],
        [{"start": True, "end": 3, "label": "PER"}],
    ],
)
def test_a_line_with_entities_of_another_form_is_named(entities):
    first = b'{"text": "b", "entities": []}\n'
    with pytest.raises(DataError, match=r'line 2: give "entities", a list'):
        parse_golden(first + json.dumps({"text": "Ada", "entities": entities}).encode())


def test_labels_and_entities_do_not_mix():
    mixed = b'{"text": "b", "entities": []}\n{"text": "a", "label": "positive"}'
    with pytest.raises(DataError, match=r'line 2: it has a "label".*lines before it.*"entities"'):
        parse_golden(mixed)


def test_a_file_without_rows_is_no_golden_set():
    with pytest.raises(DataError, match="no rows"):
        parse_golden(b"\n\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.conll", "Ada B-PER\nin O\nParis B-LOC\n"),
        (
            "rows.jsonl",
            '{"text": "Ada in Paris", "entities": [{"start": 0, "end": 3, "label": "PER"}, '
            '{"start": 7, "end": 12, "label": "LOC"}]}',
        ),
    ],
)
def test_a_file_is_read_by_the_models_task(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    golden = read_golden(path, "token-classification", ["LOC", "PER"])
    assert golden == GoldenSet(FORMS["entities"], ["Ada in Paris"], [[ADA, PARIS]])
    with pytest.raises(DataError, match=name):
        read_golden(path, TASK, LABELS)


def write_reviews(path, rows):
    path.write_text("\n".join(json.dumps({"text": t, "label": label}) for t, label in rows))
    return path


def test_a_sample_has_of_each_label_its_share_and_says_so(tmp_path, capsys):
    rows = [(f"t{row}", LABELS[row % 10 > 6]) for row in range(100)]
    path = write_reviews(tmp_path / "rows.jsonl", rows)
    golden = read_golden(path, TASK, LABELS, sample=20)
    assert len(golden) == 20
    assert list(golden.truth).count("positive") == 6
    assert set(zip(golden.texts, golden.truth, strict=True)) < set(rows)
    logged = capsys.readouterr().err
    assert "sample: 20 of 100 rows; negative 14 of 70, positive 6 of 30" in logged


def test_the_same_rows_in_another_order_give_the_same_sample(tmp_path):
    rows = [(f"t{row}", LABELS[row % 2]) for row in range(100)]
    one = write_reviews(tmp_path / "one.jsonl", rows)
    other = write_reviews(tmp_path / "other.jsonl", rows[::-1])
    samples = [read_golden(path, TASK, LABELS, sample=30) for path in (one, other)]
    assert samples[0].digest == samples[1].digest
    assert samples[0].digest != read_golden(one, TASK, LABELS, sample=31).digest


def test_a_sample_leaves_out_what_a_golden_set_may_not_hold(tmp_path):
    rows = [("same", "negative"), (" same ", "positive"), ("a", "negative"), ("b", "positive")]
    path = write_reviews(tmp_path / "rows.jsonl", rows)
    golden = read_golden(path, TASK, LABELS, sample=3)
    assert set(golden.texts) == {"a", "b", "same"}


def test_a_rare_label_is_in_every_sample(tmp_path):
    rows = [(f"t{row}", LABELS[row == 7]) for row in range(100)]
    golden = read_golden(write_reviews(tmp_path / "rows.jsonl", rows), TASK, LABELS, sample=4)
    assert sorted(golden.truth) == ["negative"] * 3 + ["positive"]


@pytest.mark.parametrize("count", [-1, 1, 5])
def test_a_sample_that_cannot_be_drawn_says_what_can(tmp_path, count):
    rows = [(f"t{row}", LABELS[row % 2]) for row in range(4)]
    path = write_reviews(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match=f"sample of {count} rows: give from 2, .*, to 4"):
        read_golden(path, TASK, LABELS, sample=count)


def test_a_sample_of_entities_keeps_the_share_of_texts_without_any(tmp_path):
    lines = [f"Ada{row} B-PER\nmet O\n" if row % 3 else f"met{row} O\n" for row in range(30)]
    (tmp_path / "rows.conll").write_text("\n".join(lines))
    golden = read_golden(tmp_path / "rows.conll", "token-classification", ["PER"], sample=9)
    assert sorted(len(spans) for spans in golden.truth) == [0] * 3 + [1] * 6
