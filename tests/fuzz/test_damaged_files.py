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
BREAK = re.compile("\r\n|\r|\n")
ANSWER = ("our_label", "our_score", "our_model_version")  # at the end of a scored row
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
    """Return what is read of a file; None where it is refused, by one line with its name."""
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


def rows_of(path, rows, rejected):
    """The rows of a file, counted without the project's readers; None where its bytes are no text.

    In CSV a line is a row, unless it is blank, the header, or goes on with a cell of a row before.
    """
    if path.suffix == ".parquet":
        return pq.ParquetFile(path).metadata.num_rows
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" in path.name:
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        return sum(bool(line.strip(b" \t\r")) for line in lines)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = content.decode(encoding, "surrogateescape")
    text = re.sub(r'^"?sep=."?(\r\n|\n|\r)', "", text)
    lines = [line for line in BREAK.split(text) if line]
    cells = [cell for row in rows for cell in [*row.values()][: -len(ANSWER)]]
    for each in rejected:
        given = each["input"]
        cells += given.values() if isinstance(given, dict) else given
    names = [*rows[0]][: -len(ANSWER)] if rows else []
    return len(lines) - 1 - sum(continuing_lines(cell) for cell in [*cells, *names])


def continuing_lines(cell):
    """The lines after a cell's first one that are not blank: its last one has at least a quote."""
    _, *others = BREAK.split(cell)
    return len(others) - sum(not line for line in others[:-1])


@pytest.mark.parametrize("name", SOURCES)
def test_every_row_of_a_damaged_file_is_scored_or_rejected(tmp_path, name):
    draw = random.Random(name)
    counted = 0
    for number in range(FILES):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / name
        if number % 2 and path.suffix == ".gz":  # whose checksum lets no damage pass
            path.write_bytes(gzip.compress(damaged(JSONL, draw)))
        else:
            path.write_bytes(damaged(SOURCES[name], draw))
        if found := scored(path, folder):
            rows, rejected = found
            assert len(rows) + len(rejected) == rows_of(path, rows, rejected)
            assert len({each["row"] for each in rejected}) == len(rejected)
            counted += 1
    assert counted > FILES / 100, "nearly every file was refused: nothing was tried"


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
