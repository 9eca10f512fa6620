"""The files that a run writes: the output, whatever its format, and the side file."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, TextIO

from scripts.data.jsonl_table import JsonlTable
from scripts.data.lines import suffix_of
from scripts.data.rows import Chunk, Table
from scripts.score.rows import RowResult, json_line

EXACT = 2**53  # a 64-bit float holds every integer below it
LARGEST = 2**63


class OutputFile(Protocol):
    """A file of scored rows that is being written."""

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        """Append the chosen rows of a chunk, each with its result."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class _TextFile:
    """An open text file. Invalid Unicode in copied columns is escaped, as JSON does it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class CsvOutput(_TextFile):
    """A header, then one line per row; TSV by the name of the file."""

    def __init__(self, path: Path, source: Table, columns: Sequence[str]) -> None:
        """Write the header: the columns of the source, then the added ones."""
        super().__init__(path)
        separator = "\t" if suffix_of(path) == ".tsv" else ","
        # The writer quotes what its line ends contain: a lone \r would end a row for readers.
        self._writer = csv.writer(_UnixEnds(self._file), delimiter=separator, lineterminator="\r\n")
        self._names = [*kinds_of(source), *columns]
        self._writer.writerow(self._names)

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        for record, columns in zip(chunk.records(chosen), added, strict=True):
            row = {**record, **columns}
            self._writer.writerow([cell_text(row.get(name)) for name in self._names])


class _UnixEnds:
    """A text file that gets lines without the carriage return at their end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(f"{line[:-2]}\n")


class JsonlOutput(_TextFile):
    """Objects exactly as they were read where the input is JSON, with the result at their end."""

    def __init__(self, path: Path, source: Table, columns: Sequence[str]) -> None:  # noqa: ARG002
        """Open the file; objects need no header."""
        super().__init__(path)

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        for line, columns in zip(chunk.objects(chosen), added, strict=True):
            ours = json.dumps(columns, ensure_ascii=False)
            own = line[:-1].rstrip()
            self._file.write(f"{own}{', ' * (own != '{')}{ours[1:]}\n")


class SideFile:
    """The rows that could not be scored: position, reason and content. Absent if there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, number: int, line: int | None, reason: str, original: Any) -> None:
        """Append a row: its number, from 0, and where the format has lines its line, from 1."""
        place = {"row": number} | ({"line": line} if line else {})
        self._file.write(json_line({**place, "reason": reason, "input": original}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        if not self._path.stat().st_size:
            self._path.unlink()


def cell_text(value: Any) -> str:
    """Return a value as the text of a cell: strings as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def kinds_of(source: Table) -> Mapping[str, set[str]]:
    """Return all columns, in the order of their first appearance, and the kinds of JSON in each.

    JSON lines are read to their end for this; other formats name their columns at the start.
    """
    kinds: dict[str, set[str]] = {name: set() for name in source.names}
    if isinstance(source, JsonlTable):
        for chunk in source.chunks():
            for record in chunk.records(range(len(chunk))):
                for name, value in record.items():
                    seen = kinds.setdefault(name, set())
                    if value is not None:
                        seen.add(_kind(value))
    return kinds


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
