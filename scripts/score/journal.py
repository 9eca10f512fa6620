"""What came of each row so far, beside the output: `OUTPUT.partial/`.

    run.json          what is scored by what; written first
    outcomes.jsonl    a line a row, in the input's order, a lot of rows at a time

A line counts once all of its lot are there: a run that was killed goes on behind the last whole
lot, so that what int8 rounds by a row's neighbours comes out as if nothing had happened.
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
from scripts.score.rows import Outcome, json_line

RUN, OUTCOMES = "run.json", "outcomes.jsonl"
BLOCK = 1 << 20


class Journal:
    """Of one run, which nobody else may be at. name: the run's own, which it keeps.

    done: rows whose outcomes are here.
    """

    def __init__(self, folder: Path, pinned: Mapping[str, Any], *, rows: int, lot: int) -> None:
        """Begin, or go on. pinned: what must not have changed. rows: of the input. lot: how many
        arrive together.

        Raises UsageError where the folder is of another run, CommandError where one is at it now.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _locked(folder / OUTCOMES)
        try:
            self.name = self._begun(pinned)
        except UsageError:
            self._file.close()
            raise
        lines = sum(1 for _ in _lines(self._file))
        self.done = lines if lines == rows else lines - lines % lot
        self._file.truncate(_end_of(self._file, self.done))
        self._file.seek(0, os.SEEK_END)

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of the next rows; they are on disk when this returns."""
        self._file.write(b"".join(map(json_line, outcomes)))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done += len(outcomes)

    def outcomes(self) -> Iterator[Outcome]:
        """Of all rows that are done."""
        with (self.folder / OUTCOMES).open("rb") as file:
            yield from map(json.loads, file)

    def remove(self) -> None:
        """The output is in its place. A run without its first file never was."""
        (self.folder / RUN).unlink()
        self._file.close()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _begun(self, pinned: Mapping[str, Any]) -> str:
        file = self.folder / RUN
        if not file.exists():
            self._file.truncate(0)
            begun = {"name": uuid.uuid4().hex[:12], **pinned}
            scratch = file.with_suffix(".new")
            scratch.write_bytes(json_line(begun))
            scratch.replace(file)
            return str(begun["name"])
        before = json.loads(file.read_text(encoding="utf-8"))
        for what, value in pinned.items():
            if before.get(what) != value:
                raise UsageError(
                    f"{self.folder}: a run was begun here with another {what} "
                    f"({before.get(what)}, now {value}): go on with that, or remove the folder "
                    "to begin anew"
                )
        return str(before["name"])


def _locked(path: Path) -> BinaryIO:
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CommandError(f"{path.parent}: another run is at it now") from error
    return file


def _lines(file: BinaryIO) -> Iterator[int]:
    """The end of each line, in bytes from the start. What a torn write left at the end is none."""
    file.seek(0)
    end = 0
    for line in file:
        end += len(line)
        if line.endswith(b"\n"):
            yield end


def _end_of(file: BinaryIO, lines: int) -> int:
    for number, end in enumerate(_lines(file), 1):
        if number == lines:
            return end
    return 0
