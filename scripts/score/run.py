"""A run over a file: score the rows that are left, join the results, put the output in place."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from time import monotonic

from function.core.tokenization import Text, TextPair
from scripts.common.errors import CommandError, UsageError
from scripts.common.progress import Progress
from scripts.data.rows import Cell, RowError, Table
from scripts.data.tables import PARQUET, open_table
from scripts.score.journal import Journal
from scripts.score.outputs import CsvOutput, JsonlOutput, OutputFile, SideFile
from scripts.score.rows import (
    ADDED_COLUMNS,
    COLUMNS,
    REASON,
    Row,
    RowResult,
    Scorer,
    Tally,
    name_taken,
    tally,
)


def _parquet_output(path: Path, source: Table, columns: Sequence[str]) -> OutputFile:
    from scripts.score.parquet_output import ParquetOutput

    return ParquetOutput(path, source, columns)


OUTPUTS: dict[str, Callable[[Path, Table, Sequence[str]], OutputFile]] = {
    ".csv": CsvOutput,
    ".tsv": CsvOutput,
    ".jsonl": JsonlOutput,
    ".ndjson": JsonlOutput,
    PARQUET: _parquet_output,
}


@dataclass(frozen=True)
class Files:
    """The files of a run."""

    source: Path
    output: Path  # in the format that its name ends in
    text: str = "text"  # the column with the texts
    prefix: str = ""  # begins the added columns' names
    encoding: str | None = None  # of the source; None for UTF-8 or that of its byte order mark
    keep_rejected: bool = False  # in the output, with empty answers
    text_pair: str | None = None  # the column with the second texts of pairs

    @property
    def rejected(self) -> Path:
        """Return the side file with the rows that could not be scored."""
        return self.output.with_name(f"{self.output.name}.rejected.jsonl")

    @property
    def partial(self) -> Path:
        """Return the folder of the run's journal."""
        return self.output.with_name(f"{self.output.name}.partial")


def open_files(files: Files) -> Table:
    """Check the output's name and open the input, before anything expensive is done.

    Raises UsageError if a name or folder is wrong, a column has the name of an added one, or the
    output is there already; DataError if the input cannot be read or copied, or has no texts.
    """
    if files.output.suffix.lower() not in OUTPUTS:
        raise UsageError(f"{files.output}: give a name that ends in {', '.join(OUTPUTS)}")
    if not files.output.parent.is_dir():
        raise UsageError(f"{files.output.parent}: no such folder")
    for there in (files.output, files.rejected):
        if there.exists() and not files.partial.exists():
            raise UsageError(f"{there}: is there already; remove it, or name another output")
    if files.output.suffix.lower() == PARQUET:
        import pyarrow  # noqa: F401
    return open_input(files)


def open_input(files: Files, names: Sequence[str] = ADDED_COLUMNS) -> Table:
    """Open the input as `open_files` does; `names` are those of the columns that may be added."""
    if files.source.is_dir():
        raise UsageError(f"{files.source}: is a folder; give a file")
    added = frozenset(files.prefix + name for name in names)
    source = open_table(files.source, files.encoding, added)
    source.check(files.text, copied=True)
    if files.text_pair:
        source.check(files.text_pair)
    for name in sorted(added.intersection(source.names)):
        raise name_taken(files.source, name)
    return source


def score_file(files: Files, source: Table, scorer: Scorer) -> Tally:
    """Score all rows, from the start or from where a killed run stopped.

    Raises UsageError if the run that was killed was another one, CommandError if scoring or writing
    failed: finished rows are kept.
    """
    try:
        return _score_file(files, source, scorer)
    except OSError as error:
        raise CommandError(
            f"{files.output}: {error}; what was done is kept in {files.partial}"
        ) from error


def _score_file(files: Files, source: Table, scorer: Scorer) -> Tally:
    key = scorer.answer_key
    possible = chain(*COLUMNS.values()) if key is None else COLUMNS[key]
    if further := set(possible).difference(ADDED_COLUMNS):
        source = open_input(files, [*ADDED_COLUMNS, *further])
    rows = source.count()
    pinned = {
        "input": _fingerprint(files.source),
        "columns": {
            "text": files.text,
            "prefix": files.prefix,
            **({"text_pair": files.text_pair} if files.text_pair else {}),
        },
        "encoding": files.encoding,
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


def _score(files: Files, source: Table, scorer: Scorer, journal: Journal, rows: int) -> None:
    if journal.done:
        print(f"resuming after row {journal.done:,} of {rows:,}", file=sys.stderr)
    if journal.done == rows:
        return
    left = islice(map(Row._make, enumerate(_texts(files, source))), journal.done, None)
    before, started = journal.done, monotonic()
    with Progress(files.source.name, rows, journal.done) as progress:
        for results in scorer.score(left, journal.name, progress.advance):
            journal.append(results)
    if journal.done != rows:
        raise CommandError(f"{files.source}: {rows:,} rows, of which {journal.done:,} were scored")
    seconds = max(monotonic() - started, 1e-9)
    count = rows - before
    print(f"{count:,} rows in {seconds:.1f} s, {count / seconds:.1f} a second", file=sys.stderr)


def _texts(files: Files, source: Table) -> Iterator[Text | RowError]:
    """Yield the text of each row, or its pair."""
    if not files.text_pair:
        for chunk in source.chunks([files.text]):
            yield from chunk.texts(files.text)
        return
    for chunk in source.chunks([files.text, files.text_pair]):
        yield from map(_pair, chunk.texts(files.text), chunk.texts(files.text_pair))


def _pair(first: Cell, second: Cell) -> TextPair | RowError:
    if isinstance(first, RowError):
        return first
    return second if isinstance(second, RowError) else TextPair(first, second)


def _join(files: Files, source: Table, journal: Journal, counted: Tally) -> None:
    """Write rows and their results into scratch files, then put both in their places."""
    scratch = journal.folder / files.output.name
    side_scratch = journal.folder / files.rejected.name
    columns = [files.prefix + name for name in counted.columns]
    if taken := sorted(set(columns).intersection(source.names)):
        raise name_taken(files.source, taken[0])
    results = journal.results()
    first = 0
    write = OUTPUTS[files.output.suffix.lower()]
    with write(scratch, source, columns) as output, SideFile(side_scratch) as side:
        for chunk in source.chunks():
            found = list(islice(results, len(chunk)))
            for index, result in enumerate(found):
                if reason := result.get(REASON):
                    side.write(first + index, chunk.line(index), reason, chunk.original(index))
            chosen = [
                index
                for index, result in enumerate(found)
                if files.keep_rejected or REASON not in result
            ]
            if chosen:
                added = [_added(found[index], counted.columns, files.prefix) for index in chosen]
                output.write(chunk, chosen, added)
            first += len(found)
    _put(side_scratch, files.rejected)
    _put(scratch, files.output)


def _added(result: RowResult, names: Sequence[str], prefix: str) -> RowResult:
    """Return the columns that a row gets; those of a rejected one are empty."""
    return {prefix + name: result.get(name) for name in names}


def _put(scratch: Path, place: Path) -> None:
    """Move a finished file to its place, on disk; where there is none remove the old one."""
    if not scratch.exists():
        place.unlink(missing_ok=True)
        return
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(place)
