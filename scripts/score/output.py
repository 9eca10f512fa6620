"""The rows of the output, in the format that its name ends in."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.score.rows import InputFile, Outcome, Rows, json_line

EXACT = 2**53  # below it a float of 64 bits holds every integer
LARGEST = 2**63


class ColumnTypes:
    """The type of each member that was seen, in the order of their first appearance.

    Values of one kind keep it, integers among floats become floats where that loses nothing, and
    whatever is mixed or nested becomes text: strings as they are, the rest as JSON.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}

    def see(self, record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            kinds = self._kinds.setdefault(name, set())
            if value is not None:
                kinds.add(_kind(value))

    def schema(self) -> pa.Schema:
        return pa.schema([(name, _type(kinds)) for name, kinds in self._kinds.items()])


def cell(value: Any, kind: pa.DataType) -> Any:
    """A value for a column of that type."""
    if value is None or isinstance(value, str) or not pa.types.is_string(kind):
        return value
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "truth"
        case int() if abs(value) < EXACT:
            return "small"
        case int() if -LARGEST <= value < LARGEST:
            return "integer"
        case float():
            return "float"
        case _:
            return "text"


def _type(kinds: set[str]) -> pa.DataType:
    if kinds == {"truth"}:
        return pa.bool_()
    if kinds and kinds <= {"small", "integer"}:
        return pa.int64()
    if kinds and kinds <= {"small", "float"}:
        return pa.float64()
    return pa.string()


GROUP_BYTES = 16 << 20  # of a Parquet row group, before it is compressed


class Output(Protocol):
    """A file that is being written."""

    def write(self, rows: Rows, chosen: Sequence[int], added: Sequence[Outcome]) -> None:
        """Add some rows, each with what it gets."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class _File:
    """An output that is one open file."""

    def __init__(self, path: Path) -> None:
        # What is not valid Unicode, of a column that is only copied, is escaped as JSON does.
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class JsonLines(_File):
    """Objects as they came, to the letter where they were JSON, with our members at their end."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:  # noqa: ARG002
        super().__init__(path)

    def write(self, rows: Rows, chosen: Sequence[int], added: Sequence[Outcome]) -> None:
        for line, columns in zip(rows.objects(chosen), added, strict=True):
            ours = json.dumps(columns, ensure_ascii=False)
            own = line[:-1].rstrip()
            self._file.write(f"{own}{', ' * (own != '{')}{ours[1:]}\n")


class Csv(_File):
    """A header, then a line a row."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:
        super().__init__(path)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._names = [*source.schema().names, *columns]
        self._writer.writerow(self._names)

    def write(self, rows: Rows, chosen: Sequence[int], added: Sequence[Outcome]) -> None:
        for record, columns in zip(rows.records(chosen), added, strict=True):
            row = {**record, **columns}
            self._writer.writerow([_cell(row.get(name)) for name in self._names])


class Parquet:
    """The input's columns with their types; ours are text and a number."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:
        self._own = source.schema()
        ours = [(name, pa.float64() if name.endswith("score") else pa.string()) for name in columns]
        self._ours = pa.schema(ours)
        whole = pa.schema([*self._own, *self._ours], self._own.metadata)
        self._writer = pq.ParquetWriter(path, whole)
        self._waiting: list[pa.Table] = []

    def write(self, rows: Rows, chosen: Sequence[int], added: Sequence[Outcome]) -> None:
        table = rows.table(chosen, self._own)
        for field in self._ours:
            values = [each[field.name] for each in added]
            if pa.types.is_string(field.type):
                values = [_cell(value) for value in values]
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


class SideFile:
    """Rows that could not be scored: their place, why, and what they were. Absent without any."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, number: int, reason: str, given: Any) -> None:
        self._file.write(json_line({"row": number, "reason": reason, "input": given}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._path.stat().st_size:
            self._path.unlink()


OUTPUTS: dict[str, Callable[[Path, InputFile, Sequence[str]], Output]] = {
    ".csv": Csv,
    ".jsonl": JsonLines,
    ".parquet": Parquet,
}


def _cell(value: Any) -> str:
    """A value as a cell of text."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
