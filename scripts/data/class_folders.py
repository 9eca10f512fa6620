"""Folders of text files, one folder per class, as in `aclImdb/train`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.lines import read_text
from scripts.data.rows import CHUNK_ROWS, Chunk, Table, TextChunk, TextRow, batched

NAMES = ("text", "label")
UNLABELLED = "unsup"  # of aclImdb: texts of no class


class ClassFolders(Table):
    """Folders as a table of `text` and `label`, the folder's name."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        """List the files. Raises DataError if there are none, or a folder has other files."""
        super().__init__(path)
        self._encoding = encoding
        self._files = [
            file
            for folder in sorted(path.iterdir())
            if folder.is_dir() and not folder.name.startswith(".")
            for file in self._texts_in(folder)
        ]
        if not self._files:
            raise DataError(f"{path}: no folders of .txt files in it, one folder for each label")

    @property
    def names(self) -> Sequence[str]:
        return NAMES

    def count(self) -> int:
        return len(self._files)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:  # noqa: ARG002
        for files in batched(self._files, CHUNK_ROWS):
            yield TextChunk(NAMES, [self._row(file) for file in files])

    def _row(self, file: Path) -> TextRow:
        place = file.relative_to(self.path).as_posix()
        return TextRow(place, [read_text(file, self._encoding), file.parent.name])

    def _texts_in(self, folder: Path) -> list[Path]:
        if folder.name == UNLABELLED:
            log(f"{folder}: skipped: its texts have no label")
            return []
        files = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
        for file in files:
            if file.suffix.lower() != ".txt" or not file.is_file():
                raise DataError(f"{file}: is no .txt file; a folder has one for each text")
        return files
