"""Rows of a file with one JSON object a line. Each may have columns of its own."""

import codecs
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import DataError
from scripts.score.output import ColumnTypes, cell
from scripts.score.rows import (
    ROWS_AT_ONCE,
    Flaw,
    Rows,
    Text,
    in_lots,
    is_unicode,
    json_line,
    taken,
    text_of,
)


@dataclass(frozen=True)
class _Line:
    """One line, the object that it holds, and what is wrong with it."""

    content: str
    value: dict[str, Any]
    flaw: Flaw | None


class JsonlInput:
    """See `scoring.rows.InputFile`."""

    def __init__(self, path: Path, text: str, added: Collection[str]) -> None:
        """text: the member that holds texts. added: names of ours, which no row may have already.

        Raises DataError where none of the first rows has a text, UsageError where each of them has
        a member with the name of one of ours; where only some do, these alone are flawed.
        """
        self._path, self._text, self._added = path, text, added
        first = list(islice(self._lines(), ROWS_AT_ONCE))
        if first and not any(text in line.value for line in first):
            known = dict.fromkeys(name for line in first for name in line.value)
            raise DataError(
                f"{path}: no row has a member '{text}'; they have {', '.join(known) or 'none'}. "
                "Name the right one with --text."
            )
        objects = [line.value for line in first if line.value]
        for name in sorted(added):
            if objects and all(name in value for value in objects):
                raise taken(path, name)

    def count(self) -> int:
        return sum(1 for _ in self._contents())

    def texts(self) -> Iterator[Text]:
        return (self._text_of(line) for line in self._lines())

    def rows(self) -> Iterator[Rows]:
        for lot in in_lots(self._lines(), ROWS_AT_ONCE):
            yield JsonlRows(lot, [self._text_of(line) for line in lot])

    def schema(self) -> pa.Schema:
        types = ColumnTypes()
        for line in self._lines():
            if line.flaw is None:
                types.see(line.value)
        return types.schema()

    def _text_of(self, line: _Line) -> Text:
        return line.flaw or text_of(line.value.get(self._text))

    def _lines(self) -> Iterator[_Line]:
        return map(self._line, self._contents())

    def _contents(self) -> Iterator[str]:
        """Lines that are not blank."""
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                bare = line.removeprefix(codecs.BOM_UTF8).strip() if number == 0 else line.strip()
                if bare:
                    yield bare.decode("utf-8", "surrogateescape")

    def _line(self, content: str) -> _Line:
        if not is_unicode(content):
            return _Line(content, {}, Flaw("is not UTF-8"))
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            return _Line(content, {}, Flaw(f"is not JSON: {error}"))
        if not isinstance(value, dict):
            return _Line(content, {}, Flaw("is not a JSON object"))
        if "\\u" in content and b"\\ud" in json_line(value):
            return _Line(content, value, Flaw("holds half of a surrogate pair"))
        for name in self._added:
            if name in value:
                return _Line(
                    content, value, Flaw(f"has a member '{name}' already: give a --prefix")
                )
        return _Line(content, value, None)


class JsonlRows:
    """See `scoring.rows.Rows`."""

    def __init__(self, lines: Sequence[_Line], texts: Sequence[Text]) -> None:
        self._lines, self._texts = lines, texts

    def texts(self) -> list[Text]:
        return list(self._texts)

    def objects(self, chosen: Sequence[int]) -> list[str]:
        return [self._lines[place].content for place in chosen]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [self._lines[place].value for place in chosen]

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        records = self.records(chosen)
        return pa.table(
            [
                pa.array(
                    [cell(record.get(field.name), field.type) for record in records], field.type
                )
                for field in schema
            ],
            schema=schema,
        )

    def given(self, place: int) -> Any:
        line = self._lines[place]
        return line.value or line.content
