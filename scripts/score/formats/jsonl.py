"""JSON lines: one object per line. Each object may have columns of its own."""

import codecs
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import DataError
from scripts.score.output import TextFileOutput
from scripts.score.rows import (
    CHUNK_ROWS,
    Chunk,
    InputFile,
    RowError,
    RowResult,
    RowText,
    batched,
    is_unicode,
    json_line,
    name_taken,
    text_of,
)

EXACT = 2**53  # a 64-bit float holds every integer below it
LARGEST = 2**63


@dataclass(frozen=True)
class _Line:
    """One line, the object in it, and the error if it is not valid."""

    content: str
    value: dict[str, Any]
    error: RowError | None


class JsonlInput:
    """A file of JSON lines as a `rows.InputFile`."""

    def __init__(self, path: Path, text: str, added: Collection[str]) -> None:
        """Check the first rows.

        `text` is the member with the texts; `added` are names that scored rows get, which no row
        may have already. Raises DataError if none of the first rows has a text, UsageError if each
        of them has a member with an added name; if only some have one, these rows alone are
        rejected.
        """
        self._path, self._text, self._added = path, text, added
        first = list(islice(self._lines(), CHUNK_ROWS))
        if first and not any(text in line.value for line in first):
            known = dict.fromkeys(name for line in first for name in line.value)
            raise DataError(
                f"{path}: no row has a member '{text}'; they have {', '.join(known) or 'none'}. "
                "Name the right one with --text."
            )
        objects = [line.value for line in first if line.value]
        for name in sorted(added):
            if objects and all(name in value for value in objects):
                raise name_taken(path, name)

    def count(self) -> int:
        return sum(1 for _ in self._contents())

    def texts(self) -> Iterator[RowText]:
        return (self._text_of(line) for line in self._lines())

    def chunks(self) -> Iterator[Chunk]:
        for lines in batched(self._lines(), CHUNK_ROWS):
            yield JsonlChunk(lines, [self._text_of(line) for line in lines])

    def schema(self) -> pa.Schema:
        types = ColumnTypes()
        for line in self._lines():
            if line.error is None:
                types.see(line.value)
        return types.schema()

    def _text_of(self, line: _Line) -> RowText:
        return line.error or text_of(line.value.get(self._text))

    def _lines(self) -> Iterator[_Line]:
        return map(self._line, self._contents())

    def _contents(self) -> Iterator[str]:
        """Yield the lines that are not blank."""
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                bare = line.removeprefix(codecs.BOM_UTF8).strip() if number == 0 else line.strip()
                if bare:
                    yield bare.decode("utf-8", "surrogateescape")

    def _line(self, content: str) -> _Line:
        if not is_unicode(content):
            return _Line(content, {}, RowError("is not UTF-8"))
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            return _Line(content, {}, RowError(f"is not JSON: {error}"))
        if not isinstance(value, dict):
            return _Line(content, {}, RowError("is not a JSON object"))
        if "\\u" in content and b"\\ud" in json_line(value):
            return _Line(content, value, RowError("holds half of a surrogate pair"))
        for name in self._added:
            if name in value:
                return _Line(
                    content, value, RowError(f"has a member '{name}' already: give a --prefix")
                )
        return _Line(content, value, None)


class JsonlChunk:
    """JSON lines as a `rows.Chunk`."""

    def __init__(self, lines: Sequence[_Line], texts: Sequence[RowText]) -> None:
        self._lines, self._texts = lines, texts

    def texts(self) -> list[RowText]:
        return list(self._texts)

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return [self._lines[index].content for index in chosen]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [self._lines[index].value for index in chosen]

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        records = self.records(chosen)
        return pa.table(
            [
                pa.array(
                    [_cell(record.get(field.name), field.type) for record in records], field.type
                )
                for field in schema
            ],
            schema=schema,
        )

    def original(self, index: int) -> Any:
        line = self._lines[index]
        return line.value or line.content


class JsonlOutput(TextFileOutput):
    """Objects exactly as they were read where the input is JSON, with the result at their end."""

    def __init__(self, path: Path, source: InputFile, columns: Sequence[str]) -> None:  # noqa: ARG002
        """Open the file; objects need no header."""
        super().__init__(path)

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        for line, columns in zip(chunk.objects(chosen), added, strict=True):
            ours = json.dumps(columns, ensure_ascii=False)
            own = line[:-1].rstrip()
            self._file.write(f"{own}{', ' * (own != '{')}{ours[1:]}\n")


class ColumnTypes:
    """One type for each member that was seen, in the order of their first appearance.

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


def _cell(value: Any, kind: pa.DataType) -> Any:
    """Return a value as one of a column's type."""
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
