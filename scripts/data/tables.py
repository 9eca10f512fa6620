"""Tables of every format, by the name of their file."""

from collections.abc import Callable, Collection
from pathlib import Path

from scripts.common.errors import DataError
from scripts.data.class_folders import ClassFolders
from scripts.data.csv_table import CsvTable
from scripts.data.jsonl_table import JsonlTable
from scripts.data.lines import COMPRESSED, check_encoding, refuse_other_encoding, suffix_of
from scripts.data.rows import Table

PARQUET = ".parquet"
LINES = (".jsonl", ".ndjson", ".json")
TEXT_FORMATS: dict[str, Callable[[Path, str | None, Collection[str]], Table]] = {
    ".csv": lambda path, encoding, _: CsvTable(path, encoding),
    ".tsv": lambda path, encoding, _: CsvTable(path, encoding, "\t"),
    **dict.fromkeys(LINES, JsonlTable),
}
FORMATS = ".csv, .tsv, .jsonl or .parquet, the first three also with .gz or .zst"


def open_table(path: Path, encoding: str | None = None, reserved: Collection[str] = ()) -> Table:
    """Open a data file, a folder of class folders, or a data set of the hub by its name.

    Args:
        path: the suffix gives the format.
        encoding: of text files that are not UTF-8 and have no byte order mark.
        reserved: names that no member of JSON lines may have.

    Raises:
        DataError: the file cannot be read, or its format is unknown.
        UsageError: there is no such encoding.
    """
    encoding = check_encoding(encoding)
    if path.is_dir():
        return ClassFolders(path, encoding)
    suffix = suffix_of(path)
    if suffix != PARQUET and suffix not in TEXT_FORMATS:
        if path.exists() or suffix:
            raise DataError(f"{path}: give a file that ends in {FORMATS}")
        return _open_hub(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if suffix in TEXT_FORMATS:
        if encoding is None:
            refuse_other_encoding(path)
        return TEXT_FORMATS[suffix](path, encoding, reserved)
    if encoding or path.suffix.lower() in COMPRESSED:
        raise DataError(f"{path}: Parquet has an encoding and a compression of its own")
    from scripts.data.arrow_table import open_parquet

    return open_parquet(path)


def _open_hub(path: Path) -> Table:
    """Open a data set of the hub by its name, with an optional split: `stanfordnlp/imdb:train`."""
    name, _, split = path.as_posix().partition(":")
    try:
        import datasets
    except ModuleNotFoundError:
        raise DataError(
            f"{path}: no such file. To load a data set of that name: pip install datasets"
        ) from None
    from scripts.data.arrow_table import arrow_table

    try:
        return arrow_table(path, datasets.load_dataset(name, split=split or "train").data.table)
    except Exception as error:  # the library has no common base for its errors
        raise DataError(f"{path}: no such file, and as a data set name: {error}") from error
