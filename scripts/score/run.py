"""A run over a file: score the rows that are left, join the results, put the output in place."""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

import pyarrow as pa

from scripts.common.errors import CommandError, DataError, UsageError
from scripts.common.progress import Progress
from scripts.score.formats.csv import CsvInput, CsvOutput
from scripts.score.formats.jsonl import JsonlInput, JsonlOutput
from scripts.score.formats.parquet import ParquetInput, ParquetOutput
from scripts.score.journal import Journal
from scripts.score.output import OutputFile, SideFile
from scripts.score.rows import (
    ADDED_COLUMNS,
    REASON,
    InputFile,
    Row,
    Scorer,
    Tally,
    name_taken,
    tally,
)

INPUTS: dict[str, Callable[[Path, str, frozenset[str]], InputFile]] = {
    ".csv": lambda path, text, _: CsvInput(path, text),
    ".jsonl": JsonlInput,
    ".parquet": lambda path, text, _: ParquetInput(path, text),
}
OUTPUTS: dict[str, Callable[[Path, InputFile, Sequence[str]], OutputFile]] = {
    ".csv": CsvOutput,
    ".jsonl": JsonlOutput,
    ".parquet": ParquetOutput,
}


@dataclass(frozen=True)
class Files:
    """The files of a run."""

    source: Path
    output: Path  # in the format that its name ends in
    text: str = "text"  # the column with the texts
    prefix: str = ""  # begins the added columns' names

    @property
    def rejected(self) -> Path:
        """Return the side file with the rows that could not be scored."""
        return self.output.with_name(f"{self.output.name}.rejected.jsonl")

    @property
    def partial(self) -> Path:
        """Return the folder of the run's journal."""
        return self.output.with_name(f"{self.output.name}.partial")


def open_files(files: Files) -> InputFile:
    """Check the output's name and open the input, before anything expensive is done.

    Raises UsageError if a name or folder is wrong or the output is there already, DataError if the
    input cannot be read.
    """
    if files.output.suffix.lower() not in OUTPUTS:
        raise UsageError(f"{files.output}: give a name that ends in {', '.join(OUTPUTS)}")
    if not files.output.parent.is_dir():
        raise UsageError(f"{files.output.parent}: no such folder")
    for there in (files.output, files.rejected):
        if there.exists() and not files.partial.exists():
            raise UsageError(f"{there}: is there already; remove it, or name another output")
    return open_input(files.source, files.text, files.prefix)


def open_input(path: Path, text: str, prefix: str) -> InputFile:
    """Open a file of rows; its suffix gives the format.

    `text` is the column with the texts; `prefix` begins the names of the added columns. Raises
    UsageError if the format is unknown or a column has the name of an added one, DataError if the
    file cannot be read or has no such texts.
    """
    reader = INPUTS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: give a file that ends in {', '.join(INPUTS)}")
    added = frozenset(prefix + name for name in ADDED_COLUMNS)
    try:
        source = reader(path, text, added)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if not isinstance(source, JsonlInput):
        for name in sorted(added & {*source.schema().names}):
            raise name_taken(path, name)
    return source


def score_file(files: Files, source: InputFile, scorer: Scorer) -> Tally:
    """Score all rows, from the start or from where a killed run stopped.

    Raises UsageError if the run that was killed was another one, CommandError if scoring or writing
    failed: finished rows are kept.
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
        "input": _fingerprint(files.source),
        "columns": {"text": files.text, "prefix": files.prefix},
        "scorer": scorer.identity,
    }
    with Journal(files.partial, pinned, rows=rows, chunk_rows=scorer.chunk_rows) as journal:
        _score(files, source, scorer, journal, rows)
        if _fingerprint(files.source) != pinned["input"]:
            raise CommandError(
                f"{files.source}: was changed while it was scored: remove {files.partial} "
                "and start again"
            )
        counted = tally(journal.results())
        _join(files, source, journal, counted)
        journal.remove()
    return counted


def _fingerprint(path: Path) -> dict[str, str | int]:
    """Return the size and SHA-256 of a file, which change when its content does."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _score(files: Files, source: InputFile, scorer: Scorer, journal: Journal, rows: int) -> None:
    if journal.done:
        print(f"resuming after row {journal.done:,} of {rows:,}", file=sys.stderr)
    if journal.done == rows:
        return
    left = islice(map(Row._make, enumerate(source.texts())), journal.done, None)
    before, started = journal.done, monotonic()
    with Progress(files.source.name, rows, journal.done) as progress:
        for results in scorer.score(left, journal.name, progress.advance):
            journal.append(results)
    if journal.done != rows:
        raise CommandError(f"{files.source}: {rows:,} rows, of which {journal.done:,} were scored")
    seconds = max(monotonic() - started, 1e-9)
    count = rows - before
    print(f"{count:,} rows in {seconds:.1f} s, {count / seconds:.1f} a second", file=sys.stderr)


def _join(files: Files, source: InputFile, journal: Journal, counted: Tally) -> None:
    """Write rows and their results into scratch files, then put both in their places."""
    scratch = journal.folder / files.output.name
    side_scratch = journal.folder / files.rejected.name
    columns = [files.prefix + name for name in counted.columns]
    results = journal.results()
    first = 0
    write = OUTPUTS[files.output.suffix.lower()]
    with write(scratch, source, columns) as output, SideFile(side_scratch) as side:
        for chunk in source.chunks():
            found = list(islice(results, len(chunk.texts())))
            for index, result in enumerate(found):
                if REASON in result:
                    side.write(first + index, result[REASON], chunk.original(index))
            chosen = [index for index, result in enumerate(found) if REASON not in result]
            if chosen:
                added = [
                    {files.prefix + name: value for name, value in found[index].items()}
                    for index in chosen
                ]
                output.write(chunk, chosen, added)
            first += len(found)
    _put(side_scratch, files.rejected)
    _put(scratch, files.output)


def _put(scratch: Path, place: Path) -> None:
    """Move a finished file to its place, on disk; where there is none remove the old one."""
    if not scratch.exists():
        place.unlink(missing_ok=True)
        return
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(place)
