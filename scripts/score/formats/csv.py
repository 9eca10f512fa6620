"""CSV with the names of its columns in the first line. Every value is text, and stays text."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import DataError
from scripts.score.output import TextFileOutput, cell_text
from scripts.score.rows import (
    CHUNK_ROWS,
    Chunk,
    InputFile,
    RowError,
    RowResult,
    RowText,
    batched,
    is_unicode,
    text_of,
)

CELL = 10_000_000  # characters; a longer cell is a quote that was never closed


@dataclass(frozen=True)
class _Line:
    """The cells of one row, and the error if they are not valid."""

    cells: list[str]
    error: RowError | None


class CsvInput:
    """A CSV file as a `rows.InputFile`."""

    def __init__(self, path: Path, text: str) -> None:
        """Read the header.

        Raises DataError if it cannot be read, has no column `text`, or has a name twice.
        """
        csv.field_size_limit(CELL)
        self._path = path
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            try:
                self._columns = next(csv.reader(file), [])
            except csv.Error as error:
                raise DataError(f"{path}: its first line: {error}") from error
        if text not in self._columns:
            raise DataError(
                f"{path}: no column '{text}'; it has {', '.join(self._columns) or 'none'}. "
                "Name the right one with --text."
            )
        if len(set(self._columns)) < len(self._columns):
            raise DataError(f"{path}: two columns have one name: {', '.join(self._columns)}")
        self._text = self._columns.index(text)

    def count(self) -> int:
        return sum(1 for _ in self._lines())

    def texts(self) -> Iterator[RowText]:
        return (self._text_of(line) for line in self._lines())

    def chunks(self) -> Iterator[Chunk]:
        for lines in batched(self._lines(), CHUNK_ROWS):
            yield CsvChunk(self._columns, lines, [self._text_of(line) for line in lines])

    def schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self._columns])

    def _text_of(self, line: _Line) -> RowText:
        return line.error or text_of(line.cells[self._text])

    def _lines(self) -> Iterator[_Line]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            next(reader)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield _Line([], RowError(f"line {reader.line_num}: {error}"))
                    continue
                if cells:
                    yield _Line(cells, self._error(cells))

    def _error(self, cells: Sequence[str]) -> RowError | None:
        if len(cells) != len(self._columns):
            return RowError(f"has {len(cells)} cells where the header has {len(self._columns)}")
        if not all(map(is_unicode, cells)):
            return RowError("is not UTF-8")
        return None


class CsvChunk:
    """Lines of a CSV file as a `rows.Chunk`."""

    def __init__(
        self, columns: Sequence[str], lines: Sequence[_Line], texts: Sequence[RowText]
    ) -> None:
        self._columns, self._lines, self._texts = columns, lines, texts

    def texts(self) -> list[RowText]:
        return list(self._texts)

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return [json.dumps(record, ensure_ascii=False) for record in self.records(chosen)]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [dict(zip(self._columns, self._lines[index].cells, strict=True)) for index in chosen]

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        return pa.Table.from_pylist(self.records(chosen), schema)

    def original(self, index: int) -> Any:
        cells = self._lines[index].cells
        if len(cells) != len(self._columns):
            return cells
        return dict(zip(self._columns, cells, strict=True))


class CsvOutput(TextFileOutput):
    """A header, then one line per row."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:
        """Write the header: the columns of the source, then the added ones."""
        super().__init__(path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._names = [*source.schema().names, *columns]
        self._writer.writerow(self._names)

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        for record, columns in zip(chunk.records(chosen), added, strict=True):
            row = {**record, **columns}
            self._writer.writerow([cell_text(row.get(name)) for name in self._names])
