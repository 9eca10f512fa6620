"""From a server's output to a folder of the prediction log, one sub-folder an hour.

Each record is first appended to a file of JSON lines, which is a part of the log itself; once its
hour is over that becomes Parquet. Killed at any moment, every line that was read is there.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from scripts.drift.log_lines import lines_of, parse_line, time_of, write_parquet

# An hour's file stays open while lines of a later one come in: requests end out of order.
MOST_OPEN = 2
OWN = f"{'[0-9]' * 4}/??/??/??/{'[0-9a-f]' * 32}.jsonl"  # whatever else lies there is not touched


class Collector:
    """Appends records to the hours that they belong to."""

    def __init__(self, folder: Path) -> None:
        """Takes over what a killed collector left behind."""
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        for path in sorted(folder.glob(OWN)):
            with path.open("a", encoding="utf-8") as lines:
                if _lock(lines):
                    _settle(path)

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record. Raises KeyError, TypeError or ValueError for one without a time."""
        hour = f"{time_of(record).astimezone(UTC):%Y/%m/%d/%H}"
        lines = self._open.get(hour) or self._begin(hour)
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        lines.flush()

    def close(self) -> None:
        """Turn what is open into Parquet."""
        for hour in list(self._open):
            self._end(hour)

    def _begin(self, hour: str) -> TextIO:
        if len(self._open) >= MOST_OPEN:
            self._end(min(self._open))
        path = self._folder / hour / f"{uuid4().hex}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.open("a", encoding="utf-8")
        _lock(lines)
        self._open[hour] = lines
        return lines

    def _end(self, hour: str) -> None:
        with self._open.pop(hour) as lines:
            _settle(Path(lines.name))


def collect_lines(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Keep the records among lines; yields the other lines, which are somebody else's log."""
    collector = Collector(folder)
    try:
        for line in lines:
            records = list(parse_line(line))
            if not records:
                yield line
            for record in records:
                try:
                    collector.add(record or {})
                except (KeyError, TypeError, ValueError):
                    yield line  # damaged: for somebody to see
    finally:
        collector.close()


def _settle(path: Path) -> None:
    """A file of lines as Parquet. A kill in between leaves both; a line that is there twice is
    read once."""
    records = [line for line in lines_of(path.read_bytes()) if line]
    if records:
        partial = path.with_name(f".partial-{path.stem}")  # which readers pass over
        partial.write_bytes(write_parquet(records))
        os.replace(partial, path.with_suffix(".parquet"))
    path.unlink()


def _lock(lines: TextIO) -> bool:
    """Whether nobody else, who still writes there, holds a file; the lock ends with the process."""
    try:
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
