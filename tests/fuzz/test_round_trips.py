"""Files of every format and encoding come back to the letter."""

import csv
import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.data.labelled_texts import read_labelled
from scripts.data.rows import is_blank
from scripts.gate.golden import read_golden
from scripts.score.run import Files, open_files, score_file
from tests.unit.scripts.score.doubles import LengthScorer

EXAMPLES = 60 * int(os.environ.get("FUZZ", "1"))
LABELS = ["0", "no", "true", "1.50"]
ENCODINGS = [None, "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"]
STRING_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
    pa.dictionary(pa.int32(), pa.string()),
]
# Any code point but halves of a pair; NUL is no character of a text file.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(characters, min_size=1, max_size=30).filter(lambda text: not is_blank(text))
rows_of_texts = st.lists(
    st.tuples(texts, st.sampled_from(LABELS), st.text(characters, max_size=8)),
    min_size=2,
    max_size=12,
    unique_by=lambda row: " ".join(row[0].split()),
).filter(lambda rows: len({label for _, label, _ in rows}) > 1)


class Memory(LengthScorer):
    """A scorer that keeps the texts which reached it."""

    def __init__(self):
        super().__init__()
        self.texts = []

    def _result(self, row):
        self.texts.append(row.text)
        return super()._result(row)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round-trips")


def write_csv(path, rows, encoding, separator=","):
    with path.open("w", encoding=encoding or "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "label", "note"])
        writer.writerows(rows)


def check_every_command(folder, path, rows, encoding=None, suffix=None):
    """Ask training, golden sets and scoring for the rows of a file."""
    labelled = read_labelled(path, LABELS, group="note", encoding=encoding)
    assert labelled.texts == [text for text, _, _ in rows]
    assert [LABELS[code] for code in labelled.labels] == [label for _, label, _ in rows]
    assert labelled.groups == [note for _, _, note in rows]
    golden = read_golden(path, "text-classification", LABELS, encoding)
    assert list(golden.texts) == labelled.texts
    assert list(golden.truth) == [label for _, label, _ in rows]
    files = Files(path, folder / f"out{suffix or path.suffix}", prefix="our_", encoding=encoding)
    scorer = Memory()
    assert score_file(files, open_files(files), scorer).rejected == 0
    assert scorer.texts == labelled.texts
    return files.output


@settings(max_examples=EXAMPLES, deadline=None)
@given(rows=rows_of_texts, encoding=st.sampled_from(ENCODINGS), separator=st.sampled_from(",;\t"))
def test_csv_comes_back_to_the_letter(folder, rows, encoding, separator):
    path = folder / "in.csv"
    write_csv(path, rows, encoding, separator)
    marked = encoding in ("utf-8-sig", "utf-16", "utf-32")
    output = check_every_command(folder, path, rows, None if marked else encoding)
    with output.open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found[0][:3] == ["text", "label", "note"]
    assert [tuple(row[:3]) for row in found[1:]] == rows
    output.unlink()


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=rows_of_texts,
    encoding=st.sampled_from(ENCODINGS),
    escaped=st.booleans(),
    number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
)
def test_json_lines_come_back_to_the_letter(folder, rows, encoding, escaped, number):
    path = folder / "in.jsonl"
    lines = [
        json.dumps(
            {"text": text, "n": number, "label": label, "note": note, "deep": [{"a": None}]},
            ensure_ascii=escaped,
        )
        for text, label, note in rows
    ]
    path.write_bytes("\n".join(lines).encode(encoding or "utf-8"))
    marked = encoding in ("utf-8-sig", "utf-16", "utf-32")
    output = check_every_command(folder, path, rows, None if marked else encoding)
    for line, before in zip(output.read_text("utf-8").split("\n"), lines, strict=False):
        assert line.startswith(before[:-1])
    output.unlink()


@settings(max_examples=EXAMPLES, deadline=None)
@given(rows=rows_of_texts, kind=st.sampled_from(STRING_TYPES), own=st.sampled_from(STRING_TYPES))
def test_parquet_comes_back_to_the_letter(folder, rows, kind, own):
    path = folder / "in.parquet"
    columns = list(zip(*rows, strict=True))
    table = pa.table(
        {
            "text": typed(columns[0], kind),
            "label": pa.array(columns[1]),
            "note": typed(columns[2], own),
        }
    )
    pq.write_table(table, path)
    output = check_every_command(folder, path, rows)
    found = pq.read_table(output)
    assert found.schema.field("note").type == pq.read_table(path).schema.field("note").type
    assert found.select(["text", "label", "note"]).equals(pq.read_table(path))
    output.unlink()


def typed(values, kind):
    """An array of a type that Arrow cannot always make of Python's strings."""
    if pa.types.is_dictionary(kind):
        return pa.array(values).dictionary_encode()
    return pa.array([value.encode() for value in values], pa.binary()).cast(kind)


@settings(max_examples=EXAMPLES // 4 or 1, deadline=None)
@given(rows=rows_of_texts, suffix=st.sampled_from([".gz", ".zst"]))
def test_compressed_files_come_back_to_the_letter(folder, rows, suffix):
    path = folder / f"in.csv{suffix}"
    write_csv(folder / "plain.csv", rows, None)
    content = (folder / "plain.csv").read_bytes()
    if suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    else:
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(content)
    check_every_command(folder, path, rows, suffix=".csv").unlink()
