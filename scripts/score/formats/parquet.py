"""Parquet, whose columns keep their types where they go to Parquet again."""

import base64
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import DataError
from scripts.score.output import cell_text
from scripts.score.rows import CHUNK_ROWS, Chunk, InputFile, RowResult, RowText, text_of

BUFFER = 1 << 20  # bytes of a column that are read at a time, instead of its whole row group
GROUP_BYTES = 16 << 20  # of a row group that is written, before it is compressed


class ParquetInput:
    """A Parquet file as a `rows.InputFile`."""

    def __init__(self, path: Path, text: str) -> None:
        """Read the schema; raise DataError if it cannot be read, or has no column `text`."""
        self._path, self._text = path, text
        self._schema = self._open().schema_arrow
        if text not in self._schema.names:
            raise DataError(
                f"{path}: no column '{text}'; it has {', '.join(self._schema.names) or 'none'}. "
                "Name the right one with --text."
            )

    def count(self) -> int:
        return int(self._open().metadata.num_rows)

    def texts(self) -> Iterator[RowText]:
        for batch in self._batches([self._text]):
            yield from map(text_of, _values(batch.column(self._text)))

    def chunks(self) -> Iterator[Chunk]:
        for batch in self._batches(None):
            yield ParquetChunk(pa.table(batch), self._text)

    def schema(self) -> pa.Schema:
        return self._schema

    def _batches(self, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._open().iter_batches(CHUNK_ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self._path}: cannot be read: {error}") from error

    def _open(self) -> pq.ParquetFile:
        try:
            # By default it would keep every column chunk that it has read.
            return pq.ParquetFile(self._path, buffer_size=BUFFER, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self._path}: cannot be read: {error}") from error


class ParquetChunk:
    """A table as a `rows.Chunk`."""

    def __init__(self, table: pa.Table, text: str) -> None:
        self._table, self._text = table, text

    def texts(self) -> list[RowText]:
        return [text_of(value) for value in _values(self._table.column(self._text))]

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return [json.dumps(record, ensure_ascii=False) for record in self.records(chosen)]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return _records(self._table.take(pa.array(chosen, pa.int64())))

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        return self._table.take(pa.array(chosen, pa.int64())).cast(schema)

    def original(self, index: int) -> Any:
        return _records(self._table.slice(index, 1))[0]


class ParquetOutput:
    """The input's columns with their types; the added ones are text and a number."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:
        """Write the schema: the columns of the source, then the added ones."""
        self._own = source.schema()
        self._added = pa.schema(
            [(name, pa.float64() if name.endswith("score") else pa.string()) for name in columns]
        )
        whole = pa.schema([*self._own, *self._added], self._own.metadata)
        self._writer = pq.ParquetWriter(path, whole)
        self._waiting: list[pa.Table] = []

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        table = chunk.table(chosen, self._own)
        for field in self._added:
            values = [each[field.name] for each in added]
            if pa.types.is_string(field.type):
                values = [cell_text(value) for value in values]
            table = table.append_column(field, pa.array(values, field.type))
        self._waiting.append(table)
        if sum(each.nbytes for each in self._waiting) > GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()


def _records(table: pa.Table) -> list[dict[str, Any]]:
    columns = [_values(column) for column in table.columns]
    return [
        dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)
    ]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as values of JSON: dates and decimals as text, bytes in base64."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        column = column.cast(pa.string())  # Python's own have no nanoseconds
    elif pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:  # nothing checks strings when they are written
        large = pa.types.is_large_string(kind)
        found = column.cast(pa.large_binary() if large else pa.binary()).to_pylist()
        return [each if each is None else each.decode("utf-8", "surrogateescape") for each in found]
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return str(value)
