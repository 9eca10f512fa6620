"""Lines of text files: compression by suffix, encoding by byte order mark or by name.

Nothing is guessed. A file is UTF-8 unless its byte order mark or the caller names another encoding;
bytes that are none become lone surrogates, so that readers refuse their row alone.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

from scripts.common.errors import DataError, UsageError

COMPRESSED = (".gz", ".zst")
LINE = 1 << 26  # characters; a file with a longer line is none of rows
SAMPLE = 1 << 16  # bytes that an encoding is suggested by
# The longer marks first: that of UTF-32 begins as that of UTF-16 does.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NOT_ENCODED = "is not UTF-8"


def suffix_of(path: Path) -> str:
    """Return the suffix that gives a file's format, in lower case, without a compression's."""
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return name.suffix.lower()


def check_encoding(encoding: str | None) -> str | None:
    """Return an encoding's name. Raises UsageError if Python knows none of that name."""
    if encoding is None:
        return None
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError):
        raise UsageError(
            f"--encoding {encoding}: no such encoding; for example utf-16, cp1252 or latin-1"
        ) from None


def read_lines(path: Path, encoding: str | None, newline: Literal["", "\n"]) -> Iterator[str]:
    r"""Yield a file's lines with their ends: `\n` alone, or for "" also `\r` and `\r\n`.

    Raises DataError if the file cannot be read or has invalid bytes that no row can be blamed for.
    """
    number = 0
    try:
        with _open(path) as file:
            codec = _codec(path, file, encoding)
            text = io.TextIOWrapper(file, encoding=codec, errors="surrogateescape", newline=newline)
            while line := text.readline(LINE):
                number += 1
                if len(line) == LINE:
                    raise DataError(f"{path}, line {number}: has more than {LINE:,} characters")
                yield line
    except UnicodeError as error:
        raise DataError(
            f"{path}, after line {number}: is not {codec}: {error}. Save it as UTF-8, or give the "
            "right --encoding."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def read_text(path: Path, encoding: str | None) -> str:
    """Return a whole file as it was written. Raises DataError as `read_lines` does."""
    return "".join(read_lines(path, encoding, "\n"))


def suggest_encoding(path: Path) -> str:
    """Return the end of a message on invalid bytes: the encoding that it may be, and what to do."""
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:  # a suggestion is all that is lost
        likely = None
    else:
        with _open(path) as file:
            # Of all lines only those that are not ASCII say anything.
            sample = b"".join(line for line in file.readlines(SAMPLE * 16) if not line.isascii())
        best = from_bytes(sample[:SAMPLE]).best()
        likely = best.encoding if best else None
    if likely in (None, "utf_8", "ascii"):
        likely = "cp1252"
    return f"; it may be {likely}: --encoding {likely} reads it as that, or save it as UTF-8"


def _open(path: Path) -> BinaryIO:
    match path.suffix.lower():
        case ".gz":
            return cast("BinaryIO", gzip.open(path))
        case ".zst":
            import pyarrow as pa

            return cast(
                "BinaryIO", io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
            )
        case _:
            return path.open("rb")


def _codec(path: Path, file: BinaryIO, encoding: str | None) -> str:
    """Return the encoding by the mark at the file's start, or the one that was given."""
    start = cast("io.BufferedReader", file).peek(4)[:4]
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if marked is None:
        return encoding or "utf-8"
    if encoding and not encoding.startswith(marked.removesuffix("-sig")):
        raise DataError(
            f"{path}: begins with the byte order mark of {marked.removesuffix('-sig').upper()}: "
            "leave out --encoding"
        )
    return marked
