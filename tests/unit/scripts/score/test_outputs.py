"""Files of every format and back: nothing changes on the way, nothing is lost."""

import csv
import json
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import DataError, UsageError
from scripts.score.run import Files, open_files, open_input, score_file
from tests.unit.scripts.score.doubles import VERSION, LengthScorer

ROWS = [
    {"id": "007", "text": "a film", "note": "1.10"},
    {"id": "8", "text": 'said "so",\nand left', "note": ""},
    {"id": "é", "text": "ünïcode 好 😀", "note": "NA"},
]


def scored(tmp_path, source, suffix, **options):
    """The output's path, after a run with the double."""
    files = Files(source, tmp_path / f"out{suffix}", **options)
    score_file(files, open_files(files), LengthScorer())
    return files.output


def write(path, rows):
    match path.suffix:
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def read(path):
    match path.suffix:
        case ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return [{**row, "score": float(row["score"])} for row in rows]
        case ".jsonl":
            return [json.loads(line) for line in path.read_text().splitlines()]
    return pq.read_table(path).to_pylist()


def added(text):
    return {"label": "short", "score": 1 / len(text), "model_version": VERSION}


def rejects(path):
    file = path.with_name(f"{path.name}.rejected.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("given", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("wanted", [".csv", ".jsonl", ".parquet"])
def test_every_format_goes_to_every_other_and_keeps_each_value(tmp_path, given, wanted):
    output = scored(tmp_path, write(tmp_path / f"in{given}", ROWS), wanted)
    assert read(output) == [{**row, **added(row["text"])} for row in ROWS]
    assert not rejects(output)
    assert {path.name for path in tmp_path.iterdir()} == {f"in{given}", output.name}


def test_lines_of_json_come_back_to_the_letter(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = [
        '{"text":"a",  "n": 1.10, "N": 12345678901234567890}',
        '{"x": {"y": [1e3]}, "text": "b" }',
    ]
    source.write_text("\n\n".join(lines) + "\r\n")
    output = scored(tmp_path, source, ".jsonl").read_text().splitlines()
    for line, before in zip(output, lines, strict=True):
        assert line.startswith(before.rstrip("} ") if before.endswith(" }") else before[:-1])
        assert json.loads(line)["label"] == "short"


def test_parquet_keeps_its_types(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["a", "bc"], pa.large_string()),
            "at": pa.array([1, None], pa.timestamp("ns", "UTC")),
            "cost": pa.array([Decimal("1.10"), None], pa.decimal128(9, 2)),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "parts": pa.array([[1, 2], None], pa.list_(pa.int8())),
        }
    ).replace_schema_metadata({"made by": "a test"})
    pq.write_table(table, tmp_path / "in.parquet")
    found = pq.read_table(scored(tmp_path, tmp_path / "in.parquet", ".parquet"))
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata[b"made by"] == b"a test"
    assert found.schema.field("score").type == pa.float64()


def test_what_json_has_no_word_for_becomes_text(tmp_path):
    table = pa.table(
        {
            "text": ["a"],
            "at": pa.array([1_000_000_001], pa.timestamp("ns")),
            "day": [datetime(2026, 1, 2).date()],
            "cost": [Decimal("1.10")],
            "raw": [b"\xff\x00"],
            "odd": [float("nan")],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    (row,) = read(scored(tmp_path, tmp_path / "in.parquet", ".jsonl"))
    assert row["at"].endswith("00:00:01.000000001")
    assert (row["day"], row["cost"], row["raw"], row["odd"]) == ("2026-01-02", "1.10", "/wA=", None)


def test_members_of_json_get_one_type_each_where_columns_have_types(tmp_path):
    rows = [
        {"text": "a", "n": 1, "f": 1, "mixed": 1, "far": 2**60, "yes": True, "deep": {"k": [1]}},
        {"text": "b", "f": 0.5, "mixed": "x", "far": 0.5, "late": None, "yes": None, "deep": []},
    ]
    found = read(scored(tmp_path, write(tmp_path / "in.jsonl", rows), ".parquet"))
    names = ["n", "f", "mixed", "far", "yes", "deep", "late"]
    assert [[row[name] for name in names] for row in found] == [
        [1, 1.0, "1", "1152921504606846976", True, '{"k": [1]}', None],
        [None, 0.5, "x", "0.5", None, "[]", None],
    ]


def test_lines_of_json_that_differ_share_one_header(tmp_path):
    rows = [{"text": "a", "b": True}, {"c": [1], "text": "d"}]
    output = scored(tmp_path, write(tmp_path / "in.jsonl", rows), ".csv").read_text().splitlines()
    assert output[0] == "text,b,c,label,score,model_version"
    assert output[1].startswith("a,true,,short,")
    assert output[2].startswith("d,,[1],short,")


def test_entities_are_a_list_in_json_and_json_elsewhere(tmp_path):
    source = write(tmp_path / "in.csv", [{"text": "Ada wrote"}])
    for suffix in (".jsonl", ".csv", ".parquet"):
        files = Files(source, tmp_path / f"out{suffix}")
        score_file(files, open_files(files), LengthScorer(entities=True))
    (line,) = read(tmp_path / "out.jsonl")
    assert line["entities"] == [{"label": "PER", "text": "Ada", "start": 0, "end": 3, "score": 0.5}]
    assert list(line) == ["text", "entities", "model_version"]
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert json.loads(row["entities"]) == line["entities"]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert json.loads(next(csv.DictReader(file))["entities"]) == line["entities"]


BAD_CSV = (
    b'\xef\xbb\xbfid,text\n1,good\n2\n\n3,  \n4,\xff\xfe\n5,"a ""b"""\n6,x,y\n'
    b'7,"never closed\n8,"closed" early\n\xc3\xa9,last'
)


def test_bad_rows_of_a_csv_stand_in_the_side_file_with_their_place_and_why(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(BAD_CSV)
    output = scored(tmp_path, source, ".jsonl")
    assert [row["id"] for row in read(output)] == ["1", "5", "é"]
    found = [(each["row"], each["line"], each["reason"], each["input"]) for each in rejects(output)]
    stray = 'has a quote that does not enclose its cell: write "" for a quote within one'
    assert found == [
        (1, 3, "has 1 cells where the header has 2", ["2"]),
        (2, 5, "its text is empty", {"id": "3", "text": "  "}),
        (3, 6, "is not UTF-8", {"id": "4", "text": "\udcff\udcfe"}),
        (5, 8, "has 3 cells where the header has 2", ["6", "x", "y"]),
        (6, 9, stray, ['7,"never closed']),
        (7, 10, stray, ['8,"closed" early']),
    ]


def test_rejected_rows_stay_in_place_with_empty_answers_where_that_is_asked_for(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(BAD_CSV)
    for suffix in (".csv", ".jsonl", ".parquet"):
        files = Files(source, tmp_path / f"out{suffix}", keep_rejected=True)
        assert score_file(files, open_files(files), LengthScorer()).rejected == 6
        assert len(rejects(files.output)) == 6
    lines = read(tmp_path / "out.jsonl")
    assert [row.get("id") for row in lines] == ["1", None, "3", "4", "5", None, None, None, "é"]
    assert [row["label"] for row in lines] == ["short", *[None] * 3, "short", *[None] * 3, "short"]
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["score"] for row in found] == [row["score"] for row in lines]
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == ["1", "", "3", "4", "5", "", "", "", "é"]
    assert [row["score"] for row in found][1:4] == ["", "", ""]


BAD_JSON = [
    b'{"text": "good"}',
    b"{broken",
    b'["text"]',
    b'{"text": null}',
    b'{"other": 1}',
    b'{"text": {"a": 1}}',
    b'{"text": "\xff"}',
    b'{"text": "a \\ud800 b"}',
    b'{"text": "a \\ud83d\\ude00 b"}',
    b'{"text": "c", "label": "mine"}',
    b'{"text": 7}',
    b"[" * 100_000,
    '{"text": true, "name": "Zoë"}'.encode(),
    b'{"text": NaN, "n": NaN}',
    b'{"text": "C:\\\\udata \\\\ud83c"}',
    b'{"text": "d", "n": 1, "n": 2}',
]


def test_bad_lines_of_json_stand_in_the_side_file_with_their_place_and_why(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"\n".join(BAD_JSON))
    output = scored(tmp_path, source, ".jsonl")
    found = [row["text"] for row in read(output)]
    assert found == ["good", "a 😀 b", "C:\\udata \\ud83c"]
    reasons = {row["row"]: row["reason"] for row in rejects(output)}
    assert [row["line"] for row in rejects(output)] == [row + 1 for row in reasons]
    assert list(reasons) == [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15]
    assert reasons[1].startswith("is not JSON: ")
    assert reasons[2] == "is not a JSON object"
    assert reasons[3] == reasons[4] == "has no text"
    assert reasons[5] == "its text is an object, not a string"
    assert reasons[10] == "its text is a number, not a string"
    assert reasons[12] == "its text is true or false, not a string"
    assert reasons[13] == "has no text"
    assert reasons[15] == "is not JSON: an object has two members named 'n'"
    assert reasons[6] == "is not UTF-8"
    assert reasons[7] == "holds half of a surrogate pair"
    assert "--prefix" in reasons[9]
    assert {row["row"]: row["input"] for row in rejects(output)}[1] == "{broken"


def test_a_string_of_parquet_that_is_none_costs_its_row_alone(tmp_path):
    broken = pa.array([b"good", b"\xff", None, b"bad"], pa.binary())
    text = pa.StringArray.from_buffers(4, *broken.buffers()[1:], broken.buffers()[0])
    pq.write_table(pa.table({"text": text, "id": [1, 2, 3, 4]}), tmp_path / "in.parquet")
    output = scored(tmp_path, tmp_path / "in.parquet", ".parquet")
    assert [row["id"] for row in read(output)] == [1, 4]
    assert [(row["row"], row["reason"]) for row in rejects(output)] == [
        (1, "its text is not valid UTF-8"),
        (2, "has no text"),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_without_rows_gives_one_without_rows(tmp_path, suffix):
    source = tmp_path / f"in{suffix}"
    match suffix:
        case ".csv":
            source.write_text("id,text\n")
        case ".jsonl":
            source.write_text("")
        case ".parquet":
            pq.write_table(pa.table({"text": pa.array([], pa.string())}), source)
    assert read(scored(tmp_path, source, suffix)) == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, suffix):
    source = write(tmp_path / f"in{suffix}", [{"id": "1", "review": "good"}])
    with pytest.raises(DataError, match=r"'text'.*id, review.*--text"):
        open_input(Files(source, tmp_path / "out.csv"))
    assert open_input(Files(source, tmp_path / "out.csv", text="review")).count() == 1


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_column_with_the_name_of_ours_is_refused_until_ours_are_named_otherwise(tmp_path, suffix):
    source = write(tmp_path / f"in{suffix}", [{"text": "good", "label": "1"}])
    with pytest.raises(UsageError, match=r"'label' already.*--prefix"):
        open_input(Files(source, tmp_path / "out.csv"))
    (row,) = pq.read_table(scored(tmp_path, source, ".parquet", prefix="predicted_")).to_pylist()
    assert (row["label"], row["predicted_label"], row["predicted_score"]) == ("1", "short", 0.25)
    assert row["predicted_model_version"] == VERSION


def test_names_that_say_no_format_are_refused(tmp_path):
    source = write(tmp_path / "in.csv", [{"text": "good"}])
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.jsonl"):
        open_files(Files(source, tmp_path / "out.txt"))
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.jsonl"):
        open_files(Files(tmp_path / "in.xlsx", tmp_path / "out.csv"))
    with pytest.raises(UsageError, match="no such folder"):
        open_files(Files(source, tmp_path / "nowhere" / "out.csv"))
    with pytest.raises(DataError, match="no such file"):
        open_files(Files(tmp_path / "none.csv", tmp_path / "out.csv"))


def test_what_is_no_parquet_is_told(tmp_path):
    source = tmp_path / "in.parquet"
    source.write_text("text\n")
    with pytest.raises(DataError, match="cannot be read"):
        open_input(Files(source, tmp_path / "out.csv"))


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "in.csv").write_text("text,a,a\n")
    with pytest.raises(DataError, match="two columns are named 'a'"):
        open_input(Files(tmp_path / "in.csv", tmp_path / "out.csv"))
