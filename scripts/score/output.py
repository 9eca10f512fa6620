"""The files that a run writes: the output, whatever its format, and the side file."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from scripts.score.rows import Chunk, RowResult, json_line


class OutputFile(Protocol):
    """A file of scored rows that is being written."""

    def write(self, chunk: Chunk, chosen: Sequence[int], added: Sequence[RowResult]) -> None:
        """Append the chosen rows of a chunk, each with its result."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class TextFileOutput:
    """An open text file. Invalid Unicode in copied columns is escaped, as JSON does it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class SideFile:
    """The rows that could not be scored: number, reason and content. Absent if there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, number: int, reason: str, original: Any) -> None:
        self._file.write(json_line({"row": number, "reason": reason, "input": original}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._path.stat().st_size:
            self._path.unlink()


def cell_text(value: Any) -> str:
    """Return a value as the text of a cell: strings as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
