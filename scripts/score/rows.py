"""Rows of a file, some at a time, and the texts in them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from scripts.common.errors import UsageError

ROWS_AT_ONCE = 1024  # that readers hand on together

Item = TypeVar("Item")


@dataclass(frozen=True)
class Flaw:
    """Why a row cannot be scored, whatever the model."""

    reason: str


Text = str | Flaw


class Row(NamedTuple):
    """number: its place in the file, from 0; a header and blank lines do not count."""

    number: int
    text: Text


class Rows(Protocol):
    """Neighbours, in order. chosen: places among them, of rows without a flaw."""

    def texts(self) -> list[Text]: ...

    def objects(self, chosen: Sequence[int]) -> list[str]:
        """Each as a JSON object of its columns."""
        ...

    def records(self, chosen: Sequence[int]) -> list[dict[str, Any]]:
        """Each as plain values by column."""
        ...

    def table(self, chosen: Sequence[int], schema: pa.Schema) -> pa.Table:
        """All of them, with the columns of their file's schema."""
        ...

    def given(self, place: int) -> Any:
        """One row as it came, flawed or not: what JSON can say of it."""
        ...


class InputFile(Protocol):
    """A file of rows. All errors are DataError."""

    def count(self) -> int:
        """How many rows there are."""
        ...

    def texts(self) -> Iterator[Text]:
        """Of all rows."""
        ...

    def rows(self) -> Iterator[Rows]:
        """All of them."""
        ...

    def schema(self) -> pa.Schema:
        """Columns and their types."""
        ...


def text_of(value: object) -> Text:
    """The text that a cell holds. A number or a truth value is one, as JSON writes it."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if value is None:
        return Flaw("has no text")
    if not isinstance(value, str):
        return Flaw("its text is not a string")
    if not value.strip():
        return Flaw("its text is empty")
    if not is_unicode(value):
        return Flaw("its text is not valid UTF-8")
    return value


def taken(path: Path, name: str) -> UsageError:
    """The error for a file that has a column with the name of one of ours."""
    return UsageError(
        f"{path}: has a column '{name}' already: name ours otherwise, with --prefix predicted_"
    )


def is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8: bytes that were none are read as halves of surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_line(value: object) -> bytes:
    """One line of JSON in UTF-8. Halves of surrogates, which UTF-8 has not, stay escaped."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def in_lots(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Neighbours together, as many as `size`; the last lot may be smaller."""
    iterator = iter(items)
    while lot := list(islice(iterator, size)):
        yield lot


Outcome = dict[str, Any]

REASON = "reason"  # the one member of an outcome that is none
VERSION = "model_version"
LABELLED, NAMED = ("label", "score", VERSION), ("entities", VERSION)
ADDED = ("label", "score", "entities", VERSION)  # all names that a row may get


def scored(prediction: Mapping[str, Any], version: str) -> Outcome:
    """Of a prediction's members, as the API or `core.types` names them, those that a row gets."""
    if "entities" in prediction:
        return {"entities": list(prediction["entities"]), VERSION: version}
    return {"label": prediction["label"], "score": prediction["score"], VERSION: version}


def rejected(reason: str) -> Outcome:
    """reason: as said of the only text of a request, whose place in it tells nothing."""
    return {REASON: reason.removeprefix("text 0 ")}


class Tally(NamedTuple):
    """How many rows came to what. versions: rows by the version that scored them."""

    rejected: int
    versions: dict[str, int]
    columns: tuple[str, ...]

    @property
    def scored(self) -> int:
        return sum(self.versions.values())


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """columns: what rows get, by what the model's task is."""
    failed = 0
    versions: dict[str, int] = {}
    columns: tuple[str, ...] = LABELLED
    for outcome in outcomes:
        if REASON in outcome:
            failed += 1
            continue
        versions[outcome[VERSION]] = versions.get(outcome[VERSION], 0) + 1
        columns = NAMED if "entities" in outcome else LABELLED
    return Tally(failed, versions, columns)


Advance = Callable[[int], None]


class Scorer(Protocol):
    """What turns rows into outcomes."""

    @property
    def rows_at_once(self) -> int:
        """That are scored together: of so many at most a killed run does some again."""
        ...

    @property
    def identity(self) -> dict[str, str]:
        """What has to be the same when a killed run goes on."""
        ...

    def score(self, rows: Iterator[Row], run: str, advance: Advance) -> Iterator[Sequence[Outcome]]:
        """The outcomes of `rows_at_once` rows at a time, in order.

        run: the run's own name, the same when it goes on. advance: told how many more rows are
        done. Raises CommandError where nothing more can be scored.
        """
        ...
