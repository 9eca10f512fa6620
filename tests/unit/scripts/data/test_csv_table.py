"""CSV as spreadsheets, exports and people write it."""

import itertools

import pytest

from scripts.common.errors import DataError
from scripts.data import csv_table
from scripts.data.csv_table import CsvTable
from scripts.data.rows import RowError


def table_of(tmp_path, content, name="rows.csv", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvTable(path, options.pop("encoding", None), **options)


def cells(table, column="text"):
    """The lines of a table and their cells, or why they have none."""
    return [
        (chunk.line(index), cell.reason if isinstance(cell, RowError) else cell)
        for chunk in table.chunks()
        for index, cell in enumerate(chunk.texts(column))
    ]


@pytest.mark.parametrize(
    "content",
    [
        "id,text\n1,a film\n",
        "id;text\r\n1;a film\r\n",
        "id\ttext\n1\ta film\n",
        "sep=;\nid;text\n1;a film\n",
        '"sep=|"\nid|text\n1|a film\n',
        '"id","text"\n"1","a film"',
        "\ufeffid,text\r1,a film\r",
        '"i;d";text,\n1;a film\n'.replace("text,", "text").replace("i;d", "id"),
    ],
)
def test_the_header_shows_the_separator(tmp_path, content):
    table = table_of(tmp_path, content)
    assert list(table.names) == ["id", "text"]
    assert [cell for _, cell in cells(table)] == ["a film"]
    assert table.count() == 1


def test_separators_within_quotes_of_the_header_do_not_count(tmp_path):
    table = table_of(tmp_path, '"a;b;c",text\n1,x\n')
    assert list(table.names) == ["a;b;c", "text"]


def test_tsv_is_split_at_tabs_whatever_its_header_holds(tmp_path):
    table = table_of(tmp_path, "a,b,c\ttext\n1\ta, b\n", "rows.tsv", separator="\t")
    assert list(table.names) == ["a,b,c", "text"]
    assert [cell for _, cell in cells(table)] == ["a, b"]


def test_empty_columns_at_the_end_of_the_header_are_dropped(tmp_path):
    table = table_of(tmp_path, "id,text,, \n1,a,,\n2,b\n3,c,x,\n4,d,,,\n")
    assert list(table.names) == ["id", "text"]
    assert cells(table) == [
        (2, "a"),
        (3, "b"),
        (4, "has 4 cells where the header has 2"),
        (5, "has 5 cells where the header has 2"),
    ]


def test_a_stray_quote_costs_its_own_line_and_never_its_neighbours(tmp_path):
    content = (
        'id,text\n1,"Great movie, so good\n2,a dull film\n3,"a\nb"\n4,He said "no"\n5,"x" y\n6,"z'
    )
    table = table_of(tmp_path, content)
    stray = csv_table.STRAY.reason
    assert cells(table) == [
        (2, stray),
        (3, "a dull film"),
        (4, "a\nb"),
        (6, 'He said "no"'),
        (7, stray),
        (8, stray),
    ]
    assert table.count() == 6
    (chunk,) = table.chunks()
    assert chunk.original(0) == ['1,"Great movie, so good']


@pytest.mark.parametrize("length", [30, 95, 200])
def test_a_row_that_is_too_long_is_one_row_even_with_line_breaks_in_it(
    tmp_path, monkeypatch, length
):
    monkeypatch.setattr(csv_table, "ROW", 60)
    long = "\n".join(itertools.repeat("ab c,d"[:7], length))
    table = table_of(tmp_path, f'text,n\ngood,1\n"{long}",2\nlast,3\n')
    found = cells(table)
    assert [cell for _, cell in found] == ["good", csv_table.LONG.reason, "last"]
    assert found[-1][0] == length + 3


def test_a_quote_that_is_never_closed_before_many_lines_costs_its_own_line(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "ROW", 60)
    table = table_of(tmp_path, 'text,n\ngood,1\n"open,2\n' + "film,3\n" * 50)
    assert [cell for _, cell in cells(table)] == ["good", csv_table.STRAY.reason, *["film"] * 50]


def test_a_line_that_is_too_long_is_one_row(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "ROW", 60)
    table = table_of(tmp_path, f"text\n{'x' * 100}\nfine\n")
    assert [cell for _, cell in cells(table)] == [csv_table.LONG.reason, "fine"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("text,a,a\n", "two columns are named 'a'"),
        (b"t\xe9xt,a\n", "line 1: its header is not UTF-8"),
        ('te"xt\n"text" x\n', None),
        ('"text" x,y\n', "line 1: its header has a quote"),
        (b"\xff\xfet\x00e\x00x", "after line 0: is not utf-16"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(tmp_path, content, problem):
    if problem is None:
        assert list(table_of(tmp_path, content).names) == ['te"xt']
        return
    with pytest.raises(DataError, match=problem):
        table_of(tmp_path, content)


def test_an_empty_file_has_no_columns(tmp_path):
    table = table_of(tmp_path, "")
    assert list(table.names) == []
    with pytest.raises(DataError, match="no column 'text'; it has none"):
        table.check("text")
