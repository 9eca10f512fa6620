"""JSON lines: one object per line. Each object may have members of its own."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.data.lines import NOT_ENCODED, read_lines
from scripts.data.rows import (
    CHUNK_ROWS,
    Cell,
    Chunk,
    RowError,
    Table,
    batched,
    is_unicode,
    kind_of,
    text_of,
)


@dataclass(frozen=True)
class _Line:
    """One line, the object in it, and the error if it is not valid."""

    number: int
    content: str
    value: dict[str, Any]
    error: RowError | None = None


class JsonlTable(Table):
    """A file of JSON lines."""

    def __init__(
        self, path: Path, encoding: str | None = None, reserved: Collection[str] = ()
    ) -> None:
        """Read the first rows; a row with a member of a reserved name is refused.

        Raises DataError if the file is JSON of another form: an array, or over several lines.
        """
        super().__init__(path)
        self._encoding, self._reserved = encoding, reserved
        first = list(islice(self._rows(), CHUNK_ROWS))
        if first:
            _refuse_other_json(path, first[0])
        readable = [row for row in first if not row.error] or first
        self._names = list(dict.fromkeys(name for row in readable for name in row.value))

    @property
    def names(self) -> Sequence[str]:
        return self._names

    def check(self, text: str | None, scalars: Sequence[str] = (), *, copied: bool = False) -> None:
        if self._names:  # else each row says itself why it has none
            super().check(text, scalars, copied=copied)

    def count(self) -> int:
        return sum(1 for _ in self._contents())

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:  # noqa: ARG002
        for rows in batched(self._rows(), CHUNK_ROWS):
            yield JsonlChunk(rows)

    def _rows(self) -> Iterator[_Line]:
        return (self._row(number, content) for number, content in self._contents())

    def _contents(self) -> Iterator[tuple[int, str]]:
        """Yield the lines that are not blank, with their numbers."""
        for number, line in enumerate(read_lines(self.path, self._encoding, "\n"), start=1):
            # Blanks of JSON alone: a line of others is a row that is not valid.
            if bare := line.strip(" \t\r\n"):
                yield number, bare

    def _row(self, number: int, content: str) -> _Line:
        if not is_unicode(content):
            return _Line(number, content, {}, RowError(NOT_ENCODED))
        try:
            value = VALUES.decode(content)
        except (ValueError, RecursionError) as error:
            return _Line(number, content, {}, RowError(f"is not JSON: {error}"))
        if not isinstance(value, dict):
            return _Line(number, content, {}, RowError("is not a JSON object"))
        if "\\u" in content and not is_unicode(json.dumps(value, ensure_ascii=False)):
            return _Line(number, content, value, RowError("holds half of a surrogate pair"))
        for name in self._reserved:
            if name in value:
                reason = f"has a member '{name}' already: give a --prefix"
                return _Line(number, content, value, RowError(reason))
        return _Line(number, content, value)


class JsonlChunk(Chunk):
    """JSON lines."""

    def __init__(self, rows: Sequence[_Line]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, index: int) -> int:
        return self._rows[index].number

    def texts(self, column: str) -> list[Cell]:
        return [row.error or text_of(row.value.get(column)) for row in self._rows]

    def scalars(self, column: str) -> list[Cell]:
        return [row.error or _scalar(row, column) for row in self._rows]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [{} if row.error else row.value for row in map(self._rows.__getitem__, chosen)]

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return ["{}" if row.error else row.content for row in map(self._rows.__getitem__, chosen)]

    def original(self, index: int) -> Any:
        row = self._rows[index]
        return row.value or row.content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has two members named '{twice}'")
    return members


VALUES = json.JSONDecoder(object_pairs_hook=_unique)
# Numbers stay as they were written.
LITERALS = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: None)


def _scalar(row: _Line, column: str) -> Cell:
    value = row.value.get(column)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return json.dumps(value)
    literal = LITERALS.decode(row.content).get(column)
    if isinstance(literal, str):
        return literal
    missing = f"has no '{column}'"
    return RowError(missing if literal is None else f"its '{column}' is {kind_of(literal)}")


def _refuse_other_json(path: Path, first: _Line) -> None:
    """Raise DataError if a file begins as a JSON array, or as an object over several lines."""
    content = first.content
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    whole = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    if content == "[" or whole:
        raise DataError(
            f"{path}: is a JSON array, where each line should be an object: "
            f"jq -c '.[]' {path.name} > lines.jsonl"
        )
    if content == "{":
        raise DataError(
            f"{path}: has an object over several lines, where each line should be one: "
            f"jq -c . {path.name} > lines.jsonl"
        )
