import hashlib
import json

import pytest

from scripts.lifecycle.errors import DataError
from scripts.lifecycle.gate.golden import GoldenSet, parse_golden, read_golden

LABELS = ["negative", "positive"]


def test_the_canonical_form_is_one_sorted_line_a_row_in_utf_8():
    golden = GoldenSet(["über\ngut", "dull"], ["positive", "negative"])
    assert golden.content().decode() == (
        '{"label": "positive", "text": "über\\ngut"}\n{"label": "negative", "text": "dull"}\n'
    )
    assert golden.digest == hashlib.sha256(golden.content()).hexdigest()


def test_what_is_written_is_read_again_with_every_kind_of_line_end_inside():
    golden = GoldenSet(["a\u2028b\r\nc\x85d", "e"], LABELS)
    again = parse_golden(golden.content())
    assert again == golden
    assert again.digest == golden.digest


def test_the_order_of_keys_and_spaces_are_no_part_of_the_identity():
    golden = GoldenSet(["é good", "dull"], ["positive", "negative"])
    loose = b'{"text":"\\u00e9 good","label":"positive"}\n\n{"text":"dull",  "label":"negative"}'
    assert parse_golden(loose).digest == golden.digest


def test_the_order_of_rows_is_part_of_the_identity():
    assert GoldenSet(["a", "b"], LABELS).digest != GoldenSet(["b", "a"], LABELS[::-1]).digest


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
        GoldenSet(texts, labels)


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
    assert list(read_golden(path, LABELS).labels) == LABELS


def test_the_file_of_a_set_that_cannot_judge_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nsame,0\nsame,1\n")
    with pytest.raises(DataError, match=r"rows\.csv.*repeats"):
        read_golden(path, LABELS)


def test_codes_follow_the_order_of_the_models_labels():
    golden = GoldenSet(["a", "b"], ["negative", "positive"])
    assert golden.codes(["positive", "negative"]).tolist() == [1, 0]
    with pytest.raises(DataError, match="'negative'"):
        golden.codes(["positive", "other"])
