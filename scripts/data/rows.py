"""Rows as every format yields them: each cell as it was written, or the reason why it has no text.

    file ──► lines ──► table of one format ──► chunks of rows ──► texts, labels, copied columns

No type is guessed on the way. A row that cannot be read costs itself alone: `scripts.score` rejects
it, and commands that need every row raise a DataError with its line.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from scripts.common.errors import DataError
from scripts.data.lines import NOT_ENCODED, suggest_encoding

TEXT_PAIR = "text_pair"  # the usual column of the second texts of pairs
CHUNK_ROWS = 1024  # that readers yield together

T = TypeVar("T")


@dataclass(frozen=True)
class RowError:
    """The reason why a row cannot be read, or has no text."""

    reason: str


Cell = str | RowError


class Chunk(ABC):
    """Consecutive rows of a table. chosen: indexes of rows in the chunk."""

    @abstractmethod
    def __len__(self) -> int: ...

    def line(self, index: int) -> int | None:  # noqa: ARG002
        """Return the line on which a row begins, from 1; None where a format has no lines."""
        return None

    def place(self, index: int) -> str:
        """Return the position of a row in its file for an error message, such as `line 7`."""
        return f"line {self.line(index)}"

    @abstractmethod
    def texts(self, column: str) -> list[Cell]:
        """Return the text of each row, exactly as written."""

    @abstractmethod
    def scalars(self, column: str) -> list[Cell]:
        """Return strings as they are, and numbers and booleans as they were written."""

    @abstractmethod
    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        """Return rows as values of JSON by column; a row that cannot be read has none."""

    def objects(self, chosen: Sequence[int]) -> list[str]:
        """Return rows as JSON objects; those of JSON lines are as they were written."""
        return [json.dumps(record, ensure_ascii=False) for record in self.records(chosen)]

    @abstractmethod
    def original(self, index: int) -> Any:
        """Return a row as it was read, valid or not, as a value that JSON can hold."""


class Table(ABC):
    """A file of rows. Every error is a DataError that names it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the names of the columns; those of JSON lines are of the first rows."""

    def check(
        self,
        text: str | None,
        scalars: Sequence[str] = (),
        *,
        copied: bool = False,  # noqa: ARG002
    ) -> None:
        """Raise DataError if a column is missing, or has a type that is no text or no scalar.

        `copied` raises it, too, if values of some column have no form in JSON.
        """
        check_names(self.path, self.names, [text, *scalars])

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """Yield all rows; `columns` are those that will be asked for, None for all."""


@dataclass(frozen=True)
class TextRow:
    """A row whose cells are text. place: its line, or its file's name."""

    place: int | str
    cells: Sequence[str]
    error: RowError | None = None


class TextChunk(Chunk):
    """Rows of text cells."""

    def __init__(self, names: Sequence[str], rows: Sequence[TextRow]) -> None:
        self._names, self._rows = names, rows

    def __len__(self) -> int:
        return len(self._rows)

    def line(self, index: int) -> int | None:
        place = self._rows[index].place
        return place if isinstance(place, int) else None

    def place(self, index: int) -> str:
        return super().place(index) if self.line(index) else str(self._rows[index].place)

    def texts(self, column: str) -> list[Cell]:
        at = self._names.index(column)
        return [row.error or text_of(row.cells[at]) for row in self._rows]

    def scalars(self, column: str) -> list[Cell]:
        at = self._names.index(column)
        return [row.error or row.cells[at] for row in self._rows]

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        return [self._record(self._rows[index]) for index in chosen]

    def original(self, index: int) -> Any:
        return self._record(self._rows[index]) or self._rows[index].cells

    def _record(self, row: TextRow) -> dict[str, Any]:
        if len(row.cells) != len(self._names):
            return {}
        return dict(zip(self._names, row.cells, strict=True))


def text_of(value: object) -> Cell:
    """Return the text in a cell, or why it has none: only strings are texts."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return RowError("has no text")
    if not isinstance(value, str):
        return RowError(f"its text is {kind_of(value)}, not a string")
    if is_blank(value):
        return RowError("its text is empty")
    if not is_unicode(value):
        return RowError("its text is not valid UTF-8")
    return value


def kind_of(value: object) -> str:
    """Return the JSON type of a value in words."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case Mapping():
            return "an object"
        case _:
            return "a list"


def is_blank(text: str) -> bool:
    """Return whether nothing of a text would be seen, nor would most tokenizers see it."""
    return is_unicode(text) and not any(each.isprintable() and not each.isspace() for each in text)


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode a text; readers turn invalid bytes into lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield consecutive items, `size` at a time; the last list may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def check_names(path: Path, names: Sequence[str], wanted: Iterable[str | None]) -> None:
    """Raise DataError for the first wanted column that is not among the names."""
    for name in wanted:
        if name is not None and name not in names:
            raise DataError(
                f"{path}: no column '{name}'; it has {', '.join(names) or 'none'}. "
                "Name the right one: --text and --label, or the configuration."
            )


def refuse_duplicates(path: Path, names: Sequence[str]) -> None:
    """Raise DataError if two columns have one name: nobody knows which is meant."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: two columns are named '{twice}': rename one of them")


def read_cells(
    table: Table, text: str, scalars: Sequence[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """Read the texts of every row, and the cells of further columns.

    Raises DataError with the place of the first row that has no text or no such cell.
    """
    table.check(text, scalars)
    texts: list[str] = []
    columns: list[list[str]] = [[] for _ in scalars]
    for chunk in table.chunks([text, *scalars]):
        texts += _valid(table, chunk, chunk.texts(text))
        for column, name in zip(columns, scalars, strict=True):
            column += _valid(table, chunk, chunk.scalars(name))
    return texts, columns


def read_parsed(
    table: Table, text: str, parse: Callable[[dict[str, Any]], T], scalars: Sequence[str] = ()
) -> tuple[list[str], list[list[str]], list[T]]:
    """Read as `read_cells` does, and what `parse` makes of the values of each row.

    A ValueError of `parse` becomes a DataError with the row's place.
    """
    table.check(text, scalars)
    texts: list[str] = []
    columns: list[list[str]] = [[] for _ in scalars]
    parsed: list[T] = []
    for chunk in table.chunks():
        texts += _valid(table, chunk, chunk.texts(text))
        for column, name in zip(columns, scalars, strict=True):
            column += _valid(table, chunk, chunk.scalars(name))
        for index, record in enumerate(chunk.records(range(len(chunk)))):
            try:
                parsed.append(parse(record))
            except ValueError as error:
                refuse_row(table, chunk, index, error)
    return texts, columns, parsed


def _valid(table: Table, chunk: Chunk, cells: Sequence[Cell]) -> list[str]:
    valid = [cell for cell in cells if isinstance(cell, str)]
    if len(valid) < len(cells):
        index = next(index for index, cell in enumerate(cells) if isinstance(cell, RowError))
        refuse_row(table, chunk, index, cells[index])
    return valid


def refuse_row(table: Table, chunk: Chunk, index: int, error: object) -> NoReturn:
    """Raise DataError for a row, with its file and place."""
    reason = error.reason if isinstance(error, RowError) else str(error)
    hint = suggest_encoding(table.path) if reason == NOT_ENCODED else ""
    raise DataError(f"{table.path}, {chunk.place(index)}: {reason}{hint}")
