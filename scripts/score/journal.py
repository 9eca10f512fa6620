"""The results of a run so far, in `OUTPUT.partial/` next to the output.

    run.json          what the run depends on; written first
    outcomes.jsonl    one line per row, in the input's order, a chunk at a time

A line counts once its whole chunk is there: a killed run resumes after the last complete chunk, so
that int8 rounding, which depends on a row's neighbours, comes out as if nothing had happened.
"""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

from scripts.common.errors import CommandError, UsageError
from scripts.score.rows import RowResult, json_line

RUN, OUTCOMES = "run.json", "outcomes.jsonl"


class Journal:
    """The journal of one run, locked against other processes.

    `name` is the run's own, the same after it resumes; `done` counts rows with recorded results.
    """

    def __init__(
        self, folder: Path, pinned: Mapping[str, Any], *, rows: int, chunk_rows: int
    ) -> None:
        """Start a run over `rows` of input, or resume it; the folder is created if need be.

        `pinned` must not have changed when a run resumes; `chunk_rows` results are appended
        together. Raises UsageError if the folder belongs to another run, CommandError if another
        process works in it now.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _open_locked(folder / OUTCOMES)
        try:
            self.name = self._start(pinned)
        except UsageError:
            self._file.close()
            raise
        lines = sum(1 for _ in _line_ends(self._file))
        self.done = lines if lines == rows else lines - lines % chunk_rows
        self._file.truncate(_end_of(self._file, self.done))
        self._file.seek(0, os.SEEK_END)

    def append(self, results: Sequence[RowResult]) -> None:
        """Record the results of the next rows; they are on disk when this returns."""
        self._file.write(b"".join(map(json_line, results)))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done += len(results)

    def results(self) -> Iterator[RowResult]:
        """Yield the recorded results."""
        with (self.folder / OUTCOMES).open("rb") as file:
            yield from map(json.loads, file)

    def remove(self) -> None:
        """Remove the folder once the output is in its place, `run.json` first.

        Without that file a folder counts as a run that never started.
        """
        (self.folder / RUN).unlink()
        self._file.close()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _start(self, pinned: Mapping[str, Any]) -> str:
        file = self.folder / RUN
        if not file.exists():
            self._file.truncate(0)
            run = {"name": uuid.uuid4().hex[:12], **pinned}
            scratch = file.with_suffix(".new")
            scratch.write_bytes(json_line(run))
            scratch.replace(file)
            return str(run["name"])
        before = json.loads(file.read_text(encoding="utf-8"))
        for what, value in pinned.items():
            if before.get(what) != value:
                raise UsageError(
                    f"{self.folder}: a run was started here with another {what} "
                    f"({before.get(what)}, now {value}): go on with that, or remove the folder "
                    "to start again"
                )
        return str(before["name"])


def _open_locked(path: Path) -> BinaryIO:
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CommandError(f"{path.parent}: another run uses it now") from error
    return file


def _line_ends(file: BinaryIO) -> Iterator[int]:
    """Yield the end of each line, in bytes from the start, without a torn one at the end."""
    file.seek(0)
    end = 0
    for line in file:
        end += len(line)
        if line.endswith(b"\n"):
            yield end


def _end_of(file: BinaryIO, lines: int) -> int:
    for number, end in enumerate(_line_ends(file), 1):
        if number == lines:
            return end
    return 0
