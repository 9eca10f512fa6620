import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from scripts.common.errors import DataError
from scripts.data.spans import Span
from scripts.data.tagged_texts import read_tagged

LABELS = ["LOC", "MISC", "ORG", "PER"]
CONLL = """-DOCSTART- -X- O O

West NNP I-NP I-MISC
Indian NNP I-NP I-MISC
in IN I-PP O
LONDON NNP I-NP I-LOC

Ada NNP I-NP I-PER
Bob NNP I-NP B-PER
Acme NNP I-NP I-ORG
-DOCSTART- -X- O O

Paris NNP I-NP B-LOC
"""


def written(tmp_path, content, name="data.txt"):
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    return file


def named(rows):
    return [
        [(span.label, text[span.start : span.end]) for span in spans]
        for text, spans in zip(rows.texts, rows.spans, strict=True)
    ]


def test_sentences_are_words_with_a_space_between_them(tmp_path):
    rows = read_tagged(written(tmp_path, CONLL.replace("\n-DOC", "\n\n-DOC")), LABELS)
    assert rows.texts == ["West Indian in LONDON", "Ada Bob Acme", "Paris"]
    assert rows.groups == ["1", "1", "2"]


def test_an_entity_begins_where_iob1_says_so(tmp_path):
    rows = read_tagged(written(tmp_path, CONLL.replace("\n-DOC", "\n\n-DOC")), LABELS)
    assert named(rows) == [
        [("MISC", "West Indian"), ("LOC", "LONDON")],
        [("PER", "Ada"), ("PER", "Bob"), ("ORG", "Acme")],
        [("LOC", "Paris")],
    ]


def test_two_columns_with_a_tab_and_other_labels_are_read(tmp_path):
    file = written(tmp_path, "@ada\tB-person\nlives\tO\nParis\tB-location\nCity\tI-location\n")
    rows = read_tagged(file, LABELS, {"person": "PER", "location": "LOC"})
    assert named(rows) == [[("PER", "@ada"), ("LOC", "Paris City")]]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_spans_are_read_as_they_are(tmp_path, suffix):
    row = {"text": "Zoë in 東京", "entities": [{"label": "LOC", "start": 7, "end": 9}]}
    file = tmp_path / f"data.{suffix}"
    if suffix == "jsonl":
        file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    else:
        pa.parquet.write_table(pa.Table.from_pylist([row]), file)
    assert read_tagged(file, LABELS).spans == [[Span(7, 9, "LOC")]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Ada X-PER\n", r"line 1: give a word and its tag"),
        ("Ada\n", r"line 1: give a word and its tag"),
        ("Ada B-DOG\n", r"text 1: label 'DOG' is none of LOC"),
        ("\n", r"it has no texts"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, complaint):
    with pytest.raises(DataError, match=complaint):
        read_tagged(written(tmp_path, content), LABELS)


@pytest.mark.parametrize(("start", "end"), [(0, 99), (2, 2), (-1, 2)])
def test_spans_outside_their_text_are_refused(tmp_path, start, end):
    row = {"text": "Ada", "entities": [{"label": "PER", "start": start, "end": end}]}
    with pytest.raises(DataError, match="lies outside the text"):
        read_tagged(written(tmp_path, json.dumps(row), "data.jsonl"), LABELS)


def test_spans_that_overlap_are_refused(tmp_path):
    spans = [{"label": "PER", "start": 0, "end": 3}, {"label": "PER", "start": 2, "end": 5}]
    row = {"text": "Ada L", "entities": spans}
    with pytest.raises(DataError, match="overlaps"):
        read_tagged(written(tmp_path, json.dumps(row), "data.jsonl"), LABELS)


def test_texts_that_are_all_empty_are_none(tmp_path):
    row = {"text": " \n", "entities": []}
    with pytest.raises(DataError, match="line 1: its text is empty"):
        read_tagged(written(tmp_path, json.dumps(row), "data.jsonl"), LABELS)


def test_a_table_without_entities_is_refused(tmp_path):
    with pytest.raises(DataError, match="no column 'entities'"):
        read_tagged(written(tmp_path, '{"text": "Ada"}', "data.jsonl"), LABELS)
