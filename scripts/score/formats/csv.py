"""Rows of a CSV with its columns' names in the first line. Every value is text, and stays it."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import DataError
from scripts.score.rows import ROWS_AT_ONCE, Flaw, Rows, Text, in_lots, is_unicode, text_of

CELL = 10_000_000  # characters; what is longer is a quote that was never closed


@dataclass(frozen=True)
class _Line:
    """The cells of one row, and what is wrong with it."""

    cells: list[str]
    flaw: Flaw | None


class CsvInput:
    """See `scoring.rows.InputFile`."""

    def __init__(self, path: Path, text: str) -> None:
        """text: the column that holds texts. Raises DataError where there is none of that name."""
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

    def texts(self) -> Iterator[Text]:
        return (self._text_of(line) for line in self._lines())

    def rows(self) -> Iterator[Rows]:
        for lot in in_lots(self._lines(), ROWS_AT_ONCE):
            yield CsvRows(self._columns, lot, [self._text_of(line) for line in lot])

    def schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self._columns])

    def _text_of(self, line: _Line) -> Text:
        return line.flaw or text_of(line.cells[self._text])

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
                    yield _Line([], Flaw(f"line {reader.line_num}: {error}"))
                    continue
                if cells:
                    yield _Line(cells, self._flaw(cells))

    def _flaw(self, cells: Sequence[str]) -> Flaw | None:
        if len(cells) != len(self._columns):
            return Flaw(f"has {len(cells)} cells where the header has {len(self._columns)}")
        if not all(map(is_unicode, cells)):
            return Flaw("is not UTF-8")
        return None


class CsvRows:
    """See `scoring.rows.Rows`."""

    def __init__(
        self, columns: Sequence[str], lines: Sequence[_Line], texts: Sequence[Text]
    ) -> None:
        self._columns, self._lines, self._texts = columns, lines, texts

    def texts(self) -> list[Text]:
        return list(self._texts)

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return [json.dumps(record, ensure_ascii=False) for record in self.records(chosen)]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [dict(zip(self._columns, self._lines[place].cells, strict=True)) for place in chosen]

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        return pa.Table.from_pylist(self.records(chosen), schema)

    def given(self, place: int) -> Any:
        cells = self._lines[place].cells
        if len(cells) != len(self._columns):
            return cells
        return dict(zip(self._columns, cells, strict=True))
