"""JSON lines, and files that are JSON of another form."""

import json

import pytest

from scripts.common.errors import DataError
from scripts.data.jsonl_table import JsonlTable
from scripts.data.rows import RowError


def table_of(tmp_path, content, **options):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return JsonlTable(path, **options)


def scalars(table, column):
    return [
        cell.reason if isinstance(cell, RowError) else cell
        for chunk in table.chunks()
        for cell in chunk.scalars(column)
    ]


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ('"1"', "1"),
        ("1", "1"),
        ("1.50", "1.50"),
        ("1e3", "1e3"),
        ("true", "true"),
        ('"true"', "true"),
        ("12345678901234567890", "12345678901234567890"),
        ('"\\u00e9"', "é"),
        ("null", "has no 'label'"),
        ("NaN", "has no 'label'"),
        ("[1]", "its 'label' is a list"),
        ("{}", "its 'label' is an object"),
    ],
)
def test_labels_are_as_they_were_written(tmp_path, written, cell):
    table = table_of(tmp_path, f'{{"text": "a", "label": {written}}}\n{{"text": "b"}}\n')
    assert scalars(table, "label") == [cell, "has no 'label'"]


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ('[{"text": "a"}, {"text": "b"}]\n', "is a JSON array.*jq -c '.\\[\\]' rows.jsonl"),
        ('[\n{"text": "a"},\n{"text": "b"}\n]', "is a JSON array"),
        ("[]", "is a JSON array"),
        ('{\n  "text": "a"\n}\n', "an object over several lines.*jq -c . rows.jsonl"),
    ],
)
def test_json_of_another_form_is_refused_in_these_words(tmp_path, content, advice):
    with pytest.raises(DataError, match=advice):
        table_of(tmp_path, content)


def test_a_name_that_an_object_has_twice_costs_its_row_alone(tmp_path):
    lines = ['{"text": "a", "text": "b"}', '{"text": "c", "d": {"e": 1, "e": 2}}', '{"text": "f"}']
    (chunk,) = table_of(tmp_path, "\n".join(lines)).chunks()
    found = chunk.texts("text")
    assert "two members named 'text'" in found[0].reason
    assert "two members named 'e'" in found[1].reason
    assert found[2] == "f"
    assert (chunk.line(2), chunk.place(2), chunk.original(0)) == (3, "line 3", lines[0])


def test_only_half_of_a_surrogate_pair_is_no_text(tmp_path):
    lines = [r'{"text": "\ud83d\ude00"}', r'{"text": "\\ud83d"}', r'{"text": "a", "b": ["\ud83d"]}']
    (chunk,) = table_of(tmp_path, "\n".join(lines)).chunks()
    assert chunk.texts("text")[:2] == ["😀", r"\ud83d"]
    assert chunk.texts("text")[2].reason == "holds half of a surrogate pair"


def test_blank_lines_are_no_rows_and_keep_the_numbers_of_the_others(tmp_path):
    table = table_of(tmp_path, '\n \r\n{"text": "a"}\n\t\n{"text": "b"}')
    (chunk,) = table.chunks()
    assert table.count() == len(chunk) == 2
    assert [chunk.line(index) for index in range(2)] == [3, 5]
    assert json.loads(chunk.objects([1])[0]) == {"text": "b"}
