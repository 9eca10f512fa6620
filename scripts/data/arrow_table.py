"""Parquet files and Arrow tables, whose columns have types: only strings and UTF-8 are texts."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import DataError, one_line
from scripts.data.arrow_values import column_strings, is_scalar, is_text, json_values
from scripts.data.rows import (
    CHUNK_ROWS,
    Cell,
    Chunk,
    RowError,
    Table,
    refuse_duplicates,
    text_of,
)

BUFFER = 1 << 20  # bytes of a column that are read at a time, instead of its whole row group
UNREADABLE = (pa.ArrowException, OSError, UnicodeError)  # names of columns, too, may be damaged

Batches = Callable[[Sequence[str] | None], Iterator[pa.RecordBatch]]


class ArrowTable(Table):
    """Columns with types."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int, batches: Batches) -> None:
        """Take batches of some of the columns. Raises DataError if two have one name."""
        super().__init__(path)
        self.schema = schema
        self._rows, self._batches = rows, batches
        self._text: str | None = None
        refuse_duplicates(path, schema.names)

    @property
    def names(self) -> Sequence[str]:
        names: list[str] = self.schema.names
        return names

    def check(self, text: str | None, scalars: Sequence[str] = (), *, copied: bool = False) -> None:
        super().check(text, scalars)
        self._text = text
        if text is not None and not is_text(self.schema.field(text).type):
            self._refuse(text, "texts are strings")
        for name in scalars:
            if not is_scalar(self.schema.field(name).type):
                self._refuse(name, "strings, integers and booleans are read here")
        for field in self.schema if copied else ():
            try:
                json_values(pa.array([None], field.type))
            except (pa.ArrowException, TypeError) as error:
                self._refuse(field.name, f"it has no form in JSON: {error}")

    def count(self) -> int:
        return self._rows

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        first = 1
        try:
            for batch in self._batches(columns):
                yield ArrowChunk(pa.table(batch), first, self._text)
                first += batch.num_rows
        except UNREADABLE as error:
            raise DataError(f"{self.path}: cannot be read: {one_line(error)}") from error

    def _refuse(self, name: str, why: str) -> None:
        raise DataError(
            f"{self.path}: the column '{name}' is of type {self.schema.field(name).type}; {why}. "
            "Cast it, or leave it out."
        )


class ArrowChunk(Chunk):
    """A table in memory."""

    def __init__(self, table: pa.Table, first: int, text: str | None) -> None:
        """Take rows, the number of the first one in its file, from 1, and the column of texts."""
        self._table, self._first, self._text = table, first, text

    def __len__(self) -> int:
        rows: int = self._table.num_rows
        return rows

    def place(self, index: int) -> str:
        return f"row {self._first + index}"

    def texts(self, column: str) -> list[Cell]:
        return [text_of(text) for text in column_strings(self._table.column(column))]

    def scalars(self, column: str) -> list[Cell]:
        cells = column_strings(self._table.column(column))
        return [RowError(f"has no '{column}'") if cell is None else cell for cell in cells]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        table = self.take(chosen)
        columns = [
            column_strings(column)
            if name == self._text
            else [value for part in column.chunks for value in json_values(part)]
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
        return [
            dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)
        ]

    def original(self, index: int) -> Any:
        return self.records([index])[0]

    def take(self, chosen: Sequence[int]) -> pa.Table:
        """Return rows in ascending order: slices, because not every type can be gathered."""
        runs: list[list[int]] = []
        for index in chosen:
            if runs and runs[-1][1] == index:
                runs[-1][1] += 1
            else:
                runs.append([index, index + 1])
        slices = [self._table.slice(start, end - start) for start, end in runs]
        return pa.concat_tables(slices or [self._table.slice(0, 0)])


def open_parquet(path: Path) -> ArrowTable:
    """Open a Parquet file. Raises DataError if it cannot be read."""

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        yield from opened().iter_batches(CHUNK_ROWS, columns=columns and list(columns))

    def opened() -> pq.ParquetFile:
        # By default it would keep every column chunk that it has read.
        return pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)

    try:
        file = opened()
        return ArrowTable(path, file.schema_arrow, file.metadata.num_rows, batches)
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be read: {one_line(error)}") from error


def arrow_table(path: Path, table: pa.Table) -> ArrowTable:
    """Return a table in memory as one of rows."""

    def batches(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        chosen = table if columns is None else table.select(list(columns))
        yield from chosen.to_batches(CHUNK_ROWS)

    return ArrowTable(path, table.schema, table.num_rows, batches)
