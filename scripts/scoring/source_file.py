"""The file that is scored: opened by its suffix, and known again by its content."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from scripts.common.errors import DataError, UsageError
from scripts.scoring.csv_input import CsvInput
from scripts.scoring.jsonl_input import JsonlInput
from scripts.scoring.outcomes import ADDED
from scripts.scoring.parquet_input import ParquetInput
from scripts.scoring.rows import InputFile, taken

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
