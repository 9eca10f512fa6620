"""CSV after RFC 4180, with the names of its columns in the first line. Every cell is text.

The header shows the separator: comma, semicolon or tab, or a line `sep=;` before it. A quote that
is never closed costs its own line: the lines after it are read again.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from scripts.common.errors import DataError
from scripts.data.lines import LINE, NOT_ENCODED, read_lines
from scripts.data.rows import (
    CHUNK_ROWS,
    Chunk,
    RowError,
    Table,
    TextChunk,
    TextRow,
    batched,
    is_unicode,
    refuse_duplicates,
)

SEPARATORS = (",", ";", "\t")
ROW = 10_000_000  # characters; more is a quote that was never closed, or no row of texts
SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?')
QUOTED = re.compile(r'"(?:[^"]|"")*"')
STRAY = RowError('has a quote that does not enclose its cell: write "" for a quote within one')
START = 1000  # characters of a row that is too long which its rejection shows
LONG = RowError(f"has more than {ROW:,} characters")


class CsvTable(Table):
    """A CSV or TSV file."""

    def __init__(self, path: Path, encoding: str | None, separator: str | None = None) -> None:
        """Read the header. Raises DataError if it cannot be read, or has a name twice."""
        super().__init__(path)
        self._encoding = encoding
        csv.field_size_limit(LINE)
        lines = read_lines(path, encoding, "")
        first = next(lines, "")
        self._skipped = 0
        if named := SEP_LINE.fullmatch(first):
            separator, self._skipped, first = named[1], 1, next(lines, "")
        self._separator = separator or _separator_of(first)
        header = next(self._rows(), None) or TextRow(1, [])
        if header.error or not all(map(is_unicode, header.cells)):
            reason = header.error.reason if header.error else NOT_ENCODED
            raise DataError(f"{path}, line {header.place}: its header {reason}")
        self._width = len(header.cells)
        self._names = list(header.cells)
        while self._names and not self._names[-1].strip():
            self._names.pop()
        refuse_duplicates(path, self._names)

    @property
    def names(self) -> Sequence[str]:
        return self._names

    def count(self) -> int:
        return sum(1 for _ in self._rows()) - 1

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:  # noqa: ARG002
        rows = self._rows()
        next(rows, None)
        for batch in batched(map(self._fit, rows), CHUNK_ROWS):
            yield TextChunk(self._names, batch)

    def _fit(self, row: TextRow) -> TextRow:
        """Return a row with as many cells as there are names, or with the reason why not."""
        cells, names = row.cells, len(self._names)
        if row.error:
            return row
        if len(cells) != names:
            if not names < len(cells) <= self._width or any(cells[names:]):
                reason = f"has {len(cells)} cells where the header has {names}"
                return TextRow(row.place, cells, RowError(reason))
            cells = cells[:names]
        if not is_unicode("".join(cells)):
            return TextRow(row.place, cells, RowError(NOT_ENCODED))
        return row if cells is row.cells else TextRow(row.place, cells)

    def _rows(self) -> Iterator[TextRow]:
        """Yield the header and all rows; empty lines are none."""
        lines = _Lines(self.path, self._encoding, self._skipped)
        reader = csv.reader(lines, delimiter=self._separator, strict=True)
        while True:
            line = lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield TextRow(line, [lines.back_to_second()], STRAY)
                reader = csv.reader(lines, delimiter=self._separator, strict=True)
                continue
            except _TooLongError:
                yield self._skip(lines, line)
                reader = csv.reader(lines, delimiter=self._separator, strict=True)
                continue
            if lines.size > ROW:
                yield TextRow(line, [lines.first()[:START]], LONG)
            elif cells:
                yield TextRow(line, cells)

    def _skip(self, lines: "_Lines", line: int) -> TextRow:
        """Skip a row that is too long, or its first line if a quote in it is never closed."""
        start = lines.first()[:START]
        while True:
            lines.begin()
            # What was read until here was the beginning of a quoted cell, which goes on.
            rest = csv.reader(chain(['"'], lines), delimiter=self._separator, strict=True)
            try:
                next(rest)
            except _TooLongError:
                continue
            except csv.Error:
                lines.restart(line)
                return TextRow(line, [start], STRAY)
            return TextRow(line, [start], LONG)


class _TooLongError(Exception):
    """A row has more characters than a reader keeps."""


class _Lines:
    """Lines of a file that remembers those of the present row, to read them again."""

    def __init__(self, path: Path, encoding: str | None, skipped: int) -> None:
        self._path, self._encoding = path, encoding
        self.restart(skipped)

    def restart(self, lines: int) -> None:
        """Go on after the given number of lines from the start of the file."""
        self._lines = read_lines(self._path, self._encoding, "")
        self._number = lines
        for _ in range(lines):
            next(self._lines, None)
        self._row: list[str] = []
        self.size = 0

    def begin(self) -> int:
        """Begin a row, and return the number of its first line."""
        self._row, self.size = [], 0
        return self._number + 1

    def first(self) -> str:
        return self._row[0].rstrip("\r\n")

    def back_to_second(self) -> str:
        """Return the row's first line; its others will be read again."""
        first, *others = self._row
        self._number -= len(others)
        self._lines = chain(others, self._lines)
        return first.rstrip("\r\n")

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.size > ROW:
            raise _TooLongError
        line = next(self._lines)
        self._number += 1
        self.size += len(line)
        self._row.append(line)
        return line


def _separator_of(header: str) -> str:
    """Return the separator that the header has most often outside of quotes."""
    bare = QUOTED.sub("", header)
    return max(SEPARATORS, key=bare.count)
