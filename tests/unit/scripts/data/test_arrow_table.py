"""Columns of every type that Parquet stores: as texts, as labels, and copied to other formats."""

import csv
import json
from datetime import date, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import DataError
from scripts.data.arrow_table import ArrowChunk, arrow_table, open_parquet
from scripts.score.run import Files, open_files, score_file
from tests.unit.scripts.score.doubles import LengthScorer

UTC = pa.timestamp("us", "UTC")
FAR = 1_515_700_000_000_000_000  # microseconds: in the year 50000
COPIED = [
    (pa.array([7, None], pa.int8()), 7),
    (pa.array([2**63, None], pa.uint64()), 2**63),
    (pa.array([1.5, float("inf")], pa.float16()), 1.5),
    (pa.array([True, None]), True),
    (pa.array(["é", None], pa.large_string()), "é"),
    (pa.array([b"\xff\x00", None]), "/wA="),
    (pa.array([b"\xff\x00", None]).cast(pa.binary_view()), "/wA="),
    (pa.array([b"ab", None], pa.binary(2)), "YWI="),
    (pa.array(["x", None]).cast(pa.string_view()), "x"),
    (pa.array(["x", None]).dictionary_encode(), "x"),
    (pa.array([Decimal("1.10"), None], pa.decimal128(9, 2)), "1.10"),
    (pa.array([Decimal("1.10"), None], pa.decimal256(60, 2)), "1.10"),
    (pa.array([date(2026, 1, 2), None]), "2026-01-02"),
    (pa.array([time(1, 2, 3), None], pa.time32("ms")), "01:02:03.000"),
    (pa.array([1, None], pa.time64("ns")), "00:00:00.000000001"),
    (pa.array([1, None], pa.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
    (pa.array([1, None], UTC), "1970-01-01 00:00:00.000001Z"),
    (pa.array([1, None], pa.timestamp("us", "Mars/Phobos")), "1970-01-01 00:00:00.000001Z"),
    (pa.array([FAR, None], pa.timestamp("us")), "50000-08-15 01:46:40.000000"),
    (pa.array([timedelta(seconds=2), None], pa.duration("ms")), 2000),
    (pa.array([[1, None], None], pa.list_(pa.int8())), [1, None]),
    (pa.array([[1], None], pa.large_list(pa.int8())), [1]),
    (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [1, 2]),
    (pa.array([{"a": {"b": 1}}, None]), {"a": {"b": 1}}),
    (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())), [["k", 1]]),
    (
        pa.array([[{"at": 1}], None], pa.list_(pa.struct([("at", pa.timestamp("ns"))]))),
        [{"at": "1970-01-01 00:00:00.000000001"}],
    ),
    (
        pa.array([{"at": timedelta(1)}, None], pa.struct([("at", pa.duration("ns"))])),
        {"at": 86_400 * 10**9},
    ),
    (pa.nulls(2), None),
]


@pytest.mark.parametrize(
    ("column", "value"), COPIED, ids=[str(column.type) for column, _ in COPIED]
)
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_every_type_that_is_only_copied_reaches_each_format(tmp_path, column, value, suffix):
    texts = pa.array(["a film", None])
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": texts, "column": column}), source)
    files = Files(source, tmp_path / f"out{suffix}", keep_rejected=True)
    assert score_file(files, open_files(files), LengthScorer()).scored == 1
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in files.output.read_text().splitlines()]
        assert [row["column"] for row in rows] == [value, None]
    elif suffix == ".csv":
        with files.output.open(newline="") as file:
            cells = [row["column"] for row in csv.DictReader(file)]
        assert cells == [
            value if isinstance(value, str) else "" if value is None else json.dumps(value),
            "",
        ]
    else:
        before, found = (
            pq.read_table(source).column("column"),
            pq.read_table(files.output).column("column"),
        )
        assert found.type == before.type
        assert found.equals(before)


def test_what_has_no_form_elsewhere_is_refused_before_a_row_is_scored(tmp_path):
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(pa.table({"text": ["a"], "odd": twice}), tmp_path / "in.parquet")
    files = Files(tmp_path / "in.parquet", tmp_path / "out.csv")
    with pytest.raises(DataError, match=r"the column 'odd' .* no form in JSON: two of its members"):
        open_files(files)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (pa.array([1, 0]), ["1", "0"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["01", "4.50"]), ["01", "4.50"]),
        (pa.array([b"a", b"b"]), ["a", "b"]),
        (pa.array([3, 4]).dictionary_encode(), ["3", "4"]),
    ],
)
def test_labels_are_strings_integers_and_booleans_as_written(tmp_path, column, cells):
    table = arrow_table(tmp_path, pa.table({"text": ["a", "b"], "label": column}))
    table.check("text", ["label"])
    (chunk,) = table.chunks(["text", "label"])
    assert chunk.scalars("label") == cells


@pytest.mark.parametrize("column", [[1.0, 2.0], [[1], [2]], [date(2026, 1, 1)] * 2])
def test_labels_of_other_types_are_refused(tmp_path, column):
    table = arrow_table(tmp_path, pa.table({"text": ["a", "b"], "label": column}))
    with pytest.raises(DataError, match="the column 'label' is of type"):
        table.check("text", ["label"])


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table([["a"], [1], [2]], names=["text", "x", "x"]), path)
    with pytest.raises(DataError, match="two columns are named 'x'"):
        open_parquet(path)


def test_rows_that_are_left_out_take_no_others_with_them(tmp_path):
    table = arrow_table(tmp_path, pa.table({"text": list("abcdef"), "n": range(6)}))
    (chunk,) = table.chunks()
    assert isinstance(chunk, ArrowChunk)
    assert chunk.take([0, 1, 3, 5]).column("n").to_pylist() == [0, 1, 3, 5]
    assert chunk.take([]).num_rows == 0
    assert [chunk.place(index) for index in (0, 5)] == ["row 1", "row 6"]
