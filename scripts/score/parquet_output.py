"""Parquet, whose columns keep their types where they come from Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.data.arrow_table import ArrowChunk, ArrowTable
from scripts.data.rows import Chunk, Table
from scripts.score.outputs import cell_text, kinds_of
from scripts.score.rows import RowResult

GROUP_BYTES = 16 << 20  # of a row group that is written, before it is compressed


class ParquetOutput:
    """The input's columns with their types; the added ones are text and a number.

    Members of JSON get one type each. Values of one kind keep it, integers among floats become
    floats where that loses nothing, and what is mixed or nested becomes text.
    """

    def __init__(self, path: Path, source: Table, columns: Sequence[str]) -> None:
        """Write the schema: the columns of the source, then the added ones."""
        if isinstance(source, ArrowTable):
            self._own = source.schema
        else:
            kinds = kinds_of(source)
            self._own = pa.schema([(name, _type(kinds[name])) for name in kinds])
        self._added = pa.schema(
            [(name, pa.float64() if name.endswith("score") else pa.string()) for name in columns]
        )
        whole = pa.schema([*self._own, *self._added], self._own.metadata)
        self._writer = pq.ParquetWriter(path, whole)
        self._waiting: list[pa.Table] = []

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        table = self._table(chunk, chosen)
        for field in self._added:
            values = [each[field.name] for each in added]
            if pa.types.is_string(field.type):
                values = [None if value is None else cell_text(value) for value in values]
            table = table.append_column(field, pa.array(values, field.type))
        self._waiting.append(table)
        if sum(each.nbytes for each in self._waiting) > GROUP_BYTES:
            self._flush()

    def _table(self, chunk: Chunk, chosen: Sequence[int]) -> pa.Table:
        if isinstance(chunk, ArrowChunk):
            return pa.table(chunk.take(chosen).columns, schema=self._own)
        records = chunk.records(chosen)
        arrays = [
            pa.array([_cell(row.get(field.name), field.type) for row in records], field.type)
            for field in self._own
        ]
        return pa.table(arrays, schema=self._own)

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._flush()
        self._writer.close()


def _cell(value: Any, kind: pa.DataType) -> Any:
    """Return a value as one of a column's type; invalid Unicode in text is escaped."""
    if value is None or not pa.types.is_string(kind):
        return value
    return cell_text(value).encode("utf-8", "backslashreplace").decode()


def _type(kinds: set[str]) -> pa.DataType:
    if kinds == {"truth"}:
        return pa.bool_()
    if kinds and kinds <= {"small", "integer"}:
        return pa.int64()
    if kinds and kinds <= {"small", "float"}:
        return pa.float64()
    return pa.string()
