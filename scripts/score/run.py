"""A run over a file: score what is not scored yet, then join, then put the output in its place."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

import pyarrow as pa

from scripts.common.errors import CommandError, DataError, UsageError
from scripts.common.progress import Progress
from scripts.score.formats.csv import CsvInput
from scripts.score.formats.jsonl import JsonlInput
from scripts.score.formats.parquet import ParquetInput
from scripts.score.journal import Journal
from scripts.score.output import OUTPUTS, SideFile
from scripts.score.rows import ADDED, REASON, InputFile, Outcome, Row, Scorer, Tally, taken, tally

Open = Callable[[Path, str, frozenset[str]], InputFile]

INPUTS: dict[str, Open] = {
    ".csv": lambda path, text, _: CsvInput(path, text),
    ".jsonl": JsonlInput,
    ".parquet": lambda path, text, _: ParquetInput(path, text),
}


def open_input(path: Path, text: str, prefix: str) -> InputFile:
    """A file of rows. text: the column that holds texts. prefix: of the columns that rows get.

    Raises UsageError for a format that is none of ours and for a column that has the name of one
    of ours, DataError for a file that cannot be read or has no such texts.
    """
    reader = INPUTS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: give a file that ends in {', '.join(INPUTS)}")
    added = frozenset(prefix + name for name in ADDED)
    try:
        source = reader(path, text, added)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if not isinstance(source, JsonlInput):
        for name in sorted(added & {*source.schema().names}):
            raise taken(path, name)
    return source


def described(path: Path) -> dict[str, str | int]:
    """What tells a file from any other, and from what it was before."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


@dataclass(frozen=True)
class Files:
    """What is read, and what is written. text: the column that holds texts. prefix: of the columns
    that rows get."""

    source: Path
    output: Path
    text: str = "text"
    prefix: str = ""

    @property
    def rejected(self) -> Path:
        """Where rows that could not be scored are told of."""
        return self.output.with_name(f"{self.output.name}.rejected.jsonl")

    @property
    def partial(self) -> Path:
        """Where a run keeps what it has done so far."""
        return self.output.with_name(f"{self.output.name}.partial")


def check(files: Files) -> InputFile:
    """Open the input, before anything costly is. Raises UsageError, DataError."""
    if files.output.suffix.lower() not in OUTPUTS:
        raise UsageError(f"{files.output}: give a name that ends in {', '.join(OUTPUTS)}")
    if not files.output.parent.is_dir():
        raise UsageError(f"{files.output.parent}: no such folder")
    for there in (files.output, files.rejected):
        if there.exists() and not files.partial.exists():
            raise UsageError(f"{there}: is there already; remove it, or name another output")
    return open_input(files.source, files.text, files.prefix)


def score_file(files: Files, source: InputFile, scorer: Scorer) -> Tally:
    """Score all rows, the first time or where a killed run stopped.

    Raises UsageError where that run was another, CommandError where scoring or writing failed: what
    was done by then is kept.
    """
    try:
        return _score_file(files, source, scorer)
    except (OSError, pa.ArrowException) as error:
        raise CommandError(
            f"{files.output}: {error}; what was done is kept in {files.partial}"
        ) from error


def _score_file(files: Files, source: InputFile, scorer: Scorer) -> Tally:
    rows = source.count()
    pinned = {
        "input": described(files.source),
        "columns": {"text": files.text, "prefix": files.prefix},
        "scorer": scorer.identity,
    }
    with Journal(files.partial, pinned, rows=rows, lot=scorer.rows_at_once) as journal:
        _score(files, source, scorer, journal, rows)
        if described(files.source) != pinned["input"]:
            raise CommandError(
                f"{files.source}: was changed while it was scored: remove {files.partial} "
                "and begin anew"
            )
        found = tally(journal.outcomes())
        _join(files, source, journal, found)
        journal.remove()
    return found


def _score(files: Files, source: InputFile, scorer: Scorer, journal: Journal, rows: int) -> None:
    if journal.done:
        print(f"going on behind row {journal.done:,} of {rows:,}", file=sys.stderr)
    if journal.done == rows:
        return
    left = islice(map(Row._make, enumerate(source.texts())), journal.done, None)
    before, started = journal.done, monotonic()
    with Progress(files.source.name, rows, journal.done) as progress:
        for outcomes in scorer.score(left, journal.name, progress.advance):
            journal.append(outcomes)
    if journal.done != rows:
        raise CommandError(f"{files.source}: {rows:,} rows, of which {journal.done:,} were scored")
    seconds = max(monotonic() - started, 1e-9)
    count = rows - before
    print(f"{count:,} rows in {seconds:.1f} s, {count / seconds:.1f} a second", file=sys.stderr)


def _join(files: Files, source: InputFile, journal: Journal, found: Tally) -> None:
    """Write rows and what they get, each to its file; then put both files in their places."""
    scratch = journal.folder / files.output.name
    side_scratch = journal.folder / files.rejected.name
    columns = [files.prefix + name for name in found.columns]
    outcomes = journal.outcomes()
    number = 0
    write = OUTPUTS[files.output.suffix.lower()]
    with write(scratch, source, columns) as output, SideFile(side_scratch) as side:
        for rows in source.rows():
            came = list(islice(outcomes, len(rows.texts())))
            for place, outcome in enumerate(came):
                if REASON in outcome:
                    side.write(number + place, outcome[REASON], rows.given(place))
            chosen = [place for place, outcome in enumerate(came) if REASON not in outcome]
            if chosen:
                output.write(rows, chosen, list(_named([came[at] for at in chosen], files.prefix)))
            number += len(came)
    _put(side_scratch, files.rejected)
    _put(scratch, files.output)


def _named(outcomes: Sequence[Outcome], prefix: str) -> Iterator[Outcome]:
    for outcome in outcomes:
        yield {prefix + name: value for name, value in outcome.items()}


def _put(scratch: Path, place: Path) -> None:
    """A file that is whole and on disk, or none where there is none to put."""
    if not scratch.exists():
        place.unlink(missing_ok=True)
        return
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(place)
