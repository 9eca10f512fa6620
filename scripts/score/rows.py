"""Texts of a file, the results of scoring them, and the protocol of scorers."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from function.core.tokenization import Text
from scripts.common.errors import UsageError
from scripts.data.lines import NOT_ENCODED
from scripts.data.rows import RowError

REASON = "reason"  # the only member of a rejected row's result
VERSION = "model_version"
# The members of a prediction, named as in the API, that rows get, by the model's `answer_key`.
COLUMNS: dict[str, tuple[str, ...]] = {
    "label": ("label", "score"),
    "labels": ("labels", "scores"),
    "score": ("score",),
    "entities": ("entities",),
    "embedding": ("embedding",),
}
# Refused as names of an input's own columns before the model is known.
ADDED_COLUMNS = (*COLUMNS["label"], *COLUMNS["entities"], VERSION)

RowResult = dict[str, Any]  # the columns that a row gets, or REASON alone
Advance = Callable[[int], None]


class Row(NamedTuple):
    """One row's text. number: from 0; a header and blank lines do not count."""

    number: int
    text: Text | RowError


class Scorer(Protocol):
    """A model, wherever it runs, that turns rows into results."""

    @property
    def chunk_rows(self) -> int:
        """Return how many rows are scored together; a killed run scores up to this many again."""

    @property
    def identity(self) -> dict[str, str]:
        """Return what has to be the same when a killed run resumes."""

    @property
    def answer_key(self) -> str | None:
        """Return which of `COLUMNS` rows get; None if only the results will show it."""

    def score(
        self, rows: Iterator[Row], run: str, advance: Advance, /
    ) -> Iterator[Sequence[RowResult]]:
        """Yield the results of `chunk_rows` rows at a time, in order.

        `rows` are those not scored yet; `run` is the run's own name, the same after it resumes;
        `advance` is called with the number of rows that were finished since the last call. Raises
        CommandError if no more rows can be scored.
        """


class Tally(NamedTuple):
    """Counts of a run's rows. versions: scored rows by the model version that scored them."""

    rejected: int
    not_encoded: int  # of those that were rejected, for their encoding
    versions: dict[str, int]
    columns: tuple[str, ...]

    @property
    def scored(self) -> int:
        return sum(self.versions.values())


def name_taken(path: Path, name: str) -> UsageError:
    """Return the error for a file that already has a column with the name of an added one."""
    return UsageError(
        f"{path}: has a column '{name}' already: name ours otherwise, with --prefix predicted_"
    )


def json_line(value: object) -> bytes:
    """Return one line of JSON in UTF-8; lone surrogates, which UTF-8 lacks, stay escaped."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def scored(prediction: Mapping[str, Any], version: str) -> RowResult:
    """Return the members of a prediction that a row gets."""
    key = next(key for key in COLUMNS if key in prediction)
    return {name: prediction[name] for name in COLUMNS[key]} | {VERSION: version}


def rejected(reason: str) -> RowResult:
    """Return the result of a row that cannot be scored.

    A request with one text calls it "text 0", which says nothing about a row and is removed.
    """
    return {REASON: reason.removeprefix("text 0 ")}


def collect(
    known: Mapping[int, RowResult],
    pending: Iterable[Future[dict[int, RowResult]]],
    advance: Advance,
) -> list[RowResult]:
    """Wait for the results of a chunk that are not known yet, and return all by their index."""
    results = dict(known)
    if results:
        advance(len(results))
    for done in as_completed(pending):
        results |= done.result()
        advance(len(done.result()))
    return [results[index] for index in range(len(results))]


def tally(results: Iterable[RowResult]) -> Tally:
    """Count the results, whose own names are the columns that rows get."""
    failed = not_encoded = 0
    versions: dict[str, int] = {}
    columns: tuple[str, ...] = (*COLUMNS["label"], VERSION)
    for result in results:
        if REASON in result:
            failed += 1
            not_encoded += result[REASON] == NOT_ENCODED
            continue
        versions[result[VERSION]] = versions.get(result[VERSION], 0) + 1
        columns = tuple(result)
    return Tally(failed, not_encoded, versions, columns)
