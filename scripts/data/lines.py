"""Lines of text files: compression by suffix, encoding by byte order mark or by name.

Nothing is guessed. A file is UTF-8 unless its byte order mark or the caller names another encoding;
bytes that are none become lone surrogates, so that readers refuse their row alone.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from scripts.common.errors import DataError, UsageError

COMPRESSED = (".gz", ".zst")
LINE = 1 << 26  # characters; a file with a longer line is none of rows
SAMPLE = 1 << 20  # bytes in which lines of another encoding are looked for
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


def read_text(path: Path, encoding: str | None) -> str:
    """Return a whole file as it was written. Raises DataError as `read_lines` does."""
    return "".join(read_lines(path, encoding, "\n"))


def refuse_other_encoding(path: Path) -> None:
    """Raise DataError if no line at a file's start that goes beyond ASCII is UTF-8.

    Where some are, the others are damaged, and cost their own rows alone.
    """
    with _open(path) as file:
        if any(file.peek(4).startswith(mark) for mark in MARKS):
            return
        lines = file.readlines(SAMPLE)
    beyond = [line for line in lines if not line.isascii()]
    if beyond and not any(map(_is_utf8, beyond)):
        number = lines.index(beyond[0]) + 1
        raise DataError(f"{path}, line {number}: {NOT_ENCODED}{suggest_encoding(path)}")


def suggest_encoding(path: Path) -> str:
    """Return the end of a message on invalid bytes: how a line reads in likely encodings."""
    with _open(path) as file:
        lines = [line for line in file.readlines(SAMPLE) if not _is_utf8(line)]
    sample = b"".join(lines)
    readings = {}
    for encoding in ("cp1252", *_likely_encodings(sample)):
        try:
            readings[encoding] = _excerpt(lines[0].decode(encoding)) if lines else ""
            sample.decode(encoding)
        except UnicodeDecodeError:
            readings.pop(encoding, None)
    shown = " or ".join(f"--encoding {name} {text!r}" for name, text in readings.items() if text)
    return (
        f"; it would read with {shown}" if shown else "; save it as UTF-8, or give its --encoding"
    )


def _likely_encodings(sample: bytes) -> list[str]:
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:  # a suggestion is all that is lost
        return []
    return [match.encoding for match in list(from_bytes(sample))[:2]]


def _excerpt(line: str) -> str:
    """Return the characters around the first one that is not ASCII."""
    at = next((index for index, each in enumerate(line) if not each.isascii()), 0)
    return line[max(0, at - 10) : at + 20].strip()


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file's bytes. Raises DataError if they cannot be read, now or later."""
    match path.suffix.lower():
        case ".gz":
            opener: Callable[[Path], Any] = gzip.open
        case ".zst":
            opener = _open_zstd
        case _:
            opener = io.FileIO
    try:
        with io.BufferedReader(opener(path)) as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _open_zstd(path: Path) -> Any:
    import pyarrow as pa

    return pa.input_stream(str(path), compression="zstd")


def _codec(path: Path, file: io.BufferedReader, encoding: str | None) -> str:
    """Return the encoding by the mark at the file's start, or the one that was given."""
    start = file.peek(4)[:4]
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if marked is None:
        return encoding or "utf-8"
    if encoding and not encoding.startswith(marked.removesuffix("-sig")):
        raise DataError(
            f"{path}: begins with the byte order mark of {marked.removesuffix('-sig').upper()}: "
            "leave out --encoding"
        )
    return marked
