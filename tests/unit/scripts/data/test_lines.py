"""Encodings and compressions: by a mark or a name, never by a guess."""

import gzip
import sys

import pytest

from scripts.common.errors import DataError, UsageError
from scripts.data.lines import check_encoding, read_lines, read_text, suffix_of, suggest_encoding
from scripts.data.tables import open_table

TEXT = "naïve café\nщи да каша\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding(tmp_path, encoding):
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path, None) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1251", "koi8-r", "gb18030"])
def test_other_encodings_are_read_where_they_are_named(tmp_path, encoding):
    path = tmp_path / "rows.csv"
    content = "щи да каша\n"
    path.write_bytes(content.encode(encoding))
    assert read_text(path, encoding) == content


def test_line_ends_stay_as_they_are(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a\r\nb\rc\n\xc2\x85d\xe2\x80\xa8e")
    assert list(read_lines(path, None, "")) == ["a\r\n", "b\r", "c\n", "\x85d\u2028e"]
    assert list(read_lines(path, None, "\n")) == ["a\r\n", "b\rc\n", "\x85d\u2028e"]


def test_an_encoding_beside_a_mark_of_another_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT.encode("utf-8-sig"))
    with pytest.raises(DataError, match="mark of UTF-8: leave out --encoding"):
        read_text(path, "cp1252")
    assert read_text(path, "utf-8") == TEXT


def test_an_unknown_encoding_is_refused():
    for name in ("latin-nine", "base64", "rot13"):
        with pytest.raises(UsageError, match=f"--encoding {name}: no such encoding"):
            check_encoding(name)
    assert check_encoding("Latin-1") == "iso8859-1"


def test_bytes_that_no_row_can_be_blamed_for_are_refused_with_the_line_before_them(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes("a\nb\n".encode("utf-16-le") + b"\x00\xd8x")
    with pytest.raises(DataError, match=r"rows\.csv, after line \d: is not utf-16-le"):
        read_text(path, "utf-16-le")


def test_compressed_files_are_read_by_their_suffix(tmp_path):
    path = tmp_path / "rows.CSV.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert suffix_of(path) == ".csv"
    assert read_text(path, None) == TEXT
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"rows\.CSV\.gz: cannot be read"):
        read_text(path, None)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.data.lines.LINE", 100)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"short\n" + b"x" * 1000)
    with pytest.raises(DataError, match="line 2: has more than 100 characters"):
        read_text(path, None)


def test_a_file_of_another_encoding_is_refused_and_a_damaged_line_costs_itself(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"text\nfine\ncaf\xe9\nna\xefve\n")
    with pytest.raises(DataError, match=r"rows\.csv, line 3: is not UTF-8.*cp1252 'café'"):
        open_table(path)
    assert open_table(path, "latin-1").count() == 3
    path.write_bytes(b"text\nfine\ncaf\xe9\nna\xc3\xafve\n")
    (chunk,) = open_table(path).chunks()
    assert [getattr(cell, "reason", cell) for cell in chunk.texts("text")] == [
        "fine",
        "is not UTF-8",
        "naïve",
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Un été très émouvant, une œuvre déjà légère et sincère", "cp1252"),
        ("Прекрасный фильм, очень трогательный и смешной до слёз", "cp1251"),
    ],
)
def test_likely_encodings_are_shown_with_how_a_line_reads_in_them(tmp_path, text, encoding):
    path = tmp_path / "rows.csv"
    path.write_bytes("plain line\nnaïve\n".encode() * 20 + f"{text}\n".encode(encoding))
    assert f"--encoding {encoding} {text[:15]!r}"[:-1] in suggest_encoding(path)


def test_without_the_package_that_finds_others_the_usual_encoding_is_shown(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    path = tmp_path / "rows.csv"
    path.write_bytes(b"fine\ncaf\xe9\n")
    assert suggest_encoding(path) == "; it would read with --encoding cp1252 'café'"
    path.write_bytes(b"caf\x81\n")  # no character of cp1252
    assert suggest_encoding(path) == "; save it as UTF-8, or give its --encoding"
