"""Keep the prediction log of a server that runs here: its lines become Parquet, an hour a folder.

    python -m function.server | python -m scripts.collect --output build/predictions

Other lines of the output are passed on. Ends when the output does, or on SIGTERM; a collector that
is killed has kept every line that it read.
"""

import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from scripts.common.command_line import command_parser, needing, run

with needing("make data"):
    from scripts.drift.log_lines import lines_of, parse_line, time_of, write_parquet

# An hour's file stays open while lines of a later one come in: requests end out of order.
MOST_OPEN = 2
# Any other file in the folder stays as it is.
OWN = f"{'[0-9]' * 4}/??/??/??/{'[0-9a-f]' * 32}.jsonl"


class Collector:
    """An open log that appends each record to the file of its hour.

    A file of JSON lines is part of the log itself; once its hour is over, it becomes Parquet. A
    kill at any moment loses no line that was read.
    """

    def __init__(self, folder: Path) -> None:
        """Convert the files that a killed collector left behind."""
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        for path in sorted(folder.glob(OWN)):
            with path.open("a", encoding="utf-8") as lines:
                if _lock(lines):
                    _convert(path)

    def add(self, record: dict[str, Any]) -> None:
        """Append a record; raise KeyError, TypeError or ValueError if it has no valid time."""
        hour = f"{time_of(record).astimezone(UTC):%Y/%m/%d/%H}"
        lines = self._open.get(hour) or self._begin(hour)
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        lines.flush()

    def close(self) -> None:
        """Convert the open files into Parquet."""
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
            _convert(Path(lines.name))


def collect_lines(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Append the records among lines; yield the other lines, which are another log's."""
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
                    yield line  # damaged: for people to see
    finally:
        collector.close()


def _convert(path: Path) -> None:
    """Convert a file of lines into Parquet.

    A kill in between leaves both files; readers count a line that is there twice once.
    """
    records = [line for line in lines_of(path.read_bytes()) if line]
    if records:
        partial = path.with_name(f".partial-{path.stem}")  # readers skip it
        partial.write_bytes(write_parquet(records))
        os.replace(partial, path.with_suffix(".parquet"))
    path.unlink()


def _lock(lines: TextIO) -> bool:
    """Lock a file until the process ends; return False if another process writes there."""
    try:
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    parser = command_parser("scripts.collect", __doc__)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args()
    # Ctrl-C ends both ends of the pipe at once; what the server still says on its way out counts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for line in collect_lines(sys.stdin, arguments.output):
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    run(main)
