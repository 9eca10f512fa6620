"""Data files with bytes flipped, cut out or doubled: nothing breaks, and no row is lost unseen."""

import gzip
import json
import os
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from function.core.errors import EvergreenError
from scripts.data.labelled_texts import read_labelled
from scripts.data.tagged_texts import read_tagged
from scripts.score.run import Files, open_files, score_file
from tests.unit.scripts.score.doubles import LengthScorer

FILES = 1000 * int(os.environ.get("FUZZ", "1"))
LABELS = ["bad", "good"]
TEXTS = ["a film", 'said "no", and left', "ünïcode 好 😀", "x; y\tz", "12", "so-so"]
ROWS = [
    {"id": str(number), "text": text, "label": LABELS[number % 2]}
    for number, text in enumerate(TEXTS * 3)
]


def csv_bytes(separator=",", encoding="utf-8"):
    def cell(value):
        return '"' + value.replace('"', '""') + '"' if re.search(r'[",;\t]', value) else value

    lines = [separator.join(map(cell, row.values())) for row in ROWS]
    return "\n".join([separator.join(ROWS[0]), *lines, ""]).encode(encoding)


def parquet_bytes():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(ROWS), sink, row_group_size=5)
    return sink.getvalue().to_pybytes()


JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
SOURCES = {
    "rows.csv": csv_bytes(),
    "rows.tsv": csv_bytes("\t"),
    "semicolons.csv": b"\xef\xbb\xbfsep=;\r\n" + csv_bytes(";"),
    "utf-16.csv": csv_bytes(encoding="utf-16"),
    "rows.jsonl": JSONL,
    "rows.jsonl.gz": gzip.compress(JSONL, mtime=0),
    "rows.parquet": parquet_bytes(),
}
CONLL = (
    b"-DOCSTART- -X- O O\n\nAda NNP B-PER\nmet VBD O\n\n# id 2\nZo\xc3\xab\tX\tS-PER\nin\tX\tO\n"
)


def damaged(content, draw):
    """The content with one to three accidents."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(max(len(content), 1))
        end = min(len(content), start + draw.randint(1, 20))
        accidents = (
            content[:start] + bytes([draw.randrange(256)]) + content[start + 1 :],
            content[:start]
            + draw.choice(b'"\n\r\\,{}[]\x00\xff').to_bytes(1, "big")
            + content[start:],
            content[:start] + content[end:],
            content[:end] + content[start:],
            content[:start],
        )
        content = draw.choice(accidents)
    return content


def read_or_refuse(path, read, *arguments):
    """What is read of a file; None where it is refused, by one line with its name."""
    try:
        return read(*arguments)
    except EvergreenError as error:
        message = str(error)
    assert path.name in message
    assert "\n" not in message
    return None


def scored(path, folder):
    """Rows scored and rows rejected, or None where the whole file is refused in one line."""
    files = Files(path, folder / "out.jsonl", prefix="our_")
    if not read_or_refuse(path, lambda: score_file(files, open_files(files), LengthScorer())):
        return None
    rows = [json.loads(line) for line in files.output.read_bytes().split(b"\n")[:-1]]
    side = files.rejected.read_bytes().split(b"\n")[:-1] if files.rejected.exists() else []
    return rows, [json.loads(line) for line in side]


def line_breaks(value):
    """The line breaks within a row's cells."""
    return sum(len(re.findall("\r\n|\r|\n", str(cell))) for cell in value)


@pytest.mark.parametrize("name", SOURCES)
def test_every_row_of_a_damaged_file_is_scored_or_rejected(tmp_path, name):
    draw = random.Random(name)
    refused = 0
    for number in range(FILES):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / name
        path.write_bytes(damaged(SOURCES[name], draw))
        found = scored(path, folder)
        if found is None:
            refused += 1
        elif path.suffix == ".jsonl":
            rows, rejected = found
            lines = [line for line in path.read_bytes().split(b"\n") if line.strip(b" \t\r")]
            lines = [line for line in lines if line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r")]
            assert len(rows) + len(rejected) == len(lines)
        elif name in ("rows.csv", "rows.tsv"):
            rows, rejected = found
            text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
            lines = [line for line in re.split("\r\n|\r|\n", text) if line]
            inside = sum(line_breaks(list(row.values())[:-3]) for row in rows)
            inside += sum(
                line_breaks(
                    each["input"].values() if isinstance(each["input"], dict) else each["input"]
                )
                for each in rejected
            )
            # Blank lines within a cell are lines of it, and are counted in neither.
            assert len(rows) + len(rejected) + inside >= len(lines) - 1
            assert len(rows) + len(rejected) <= len(lines) - 1
    assert refused < FILES, "every file was refused: nothing was tried"


@pytest.mark.parametrize("name", SOURCES)
def test_a_damaged_file_is_read_for_training_as_it_is_or_refused_with_its_name(tmp_path, name):
    draw = random.Random(name)
    read = 0
    path = tmp_path / name
    for _ in range(FILES // 2):
        path.write_bytes(damaged(SOURCES[name], draw))
        if rows := read_or_refuse(path, read_labelled, path, LABELS):
            read += 1
            assert all(text.strip() for text in rows.texts)
    assert read


def test_damaged_columns_of_conll_are_read_as_they_are_or_refused_with_their_name(tmp_path):
    draw = random.Random(7)
    read = 0
    path = tmp_path / "rows.conll"
    for _ in range(FILES):
        path.write_bytes(damaged(CONLL, draw))
        if rows := read_or_refuse(path, read_tagged, path, ["PER"]):
            read += 1
            for text, spans in zip(rows.texts, rows.spans, strict=True):
                assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert read
