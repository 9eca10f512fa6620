"""A folder on this machine as a source: one artifact, or one transformers checkpoint.

The revision is a digest: of an artifact its manifest's, which covers every file; of a checkpoint
the SHA-256 over names and contents of the files that are imported. A check for
updates hashes a checkpoint's weights, about a second a gigabyte; files that are not imported change
nothing.
"""

import hashlib
import shutil
from pathlib import Path
from typing import ClassVar

from function.core.artifact import Artifact, read_manifest
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST
from scripts.common.errors import SourceError, UsageError
from scripts.refresh.checkpoint import file_names, read_checkpoint
from scripts.refresh.sources.source import Revision


class Directory:
    """`dir:PATH`."""

    variables: ClassVar[tuple[str, ...]] = ()

    def __init__(self, address: str) -> None:
        if not address:
            raise UsageError("dir: give a folder: dir:PATH")
        self._path = Path(address)
        self._source = f"dir:{address}"

    def newest(self) -> Revision | None:
        """See `Source`. None where the folder is empty."""
        if not self._path.is_dir():
            raise SourceError(f"{self._source}: no such folder")
        if not any(self._path.iterdir()):
            return None
        return Revision(self._source, self._digest(self._path))

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """See `Source`. Raises SourceError where the folder has changed since `newest`."""
        for name in self._files(self._path):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(self._path / name, target)
            except OSError as error:
                raise SourceError(f"{self._source}: {name}: {error.strerror}") from error
        if self._digest(folder) != revision.revision:
            raise SourceError(f"{self._source}: changed while it was read; try again")
        return folder

    def _digest(self, folder: Path) -> str:
        if (folder / MANIFEST).is_file():
            return self._artifact(folder).digest
        digest = hashlib.sha256()
        for name in self._files(folder):
            with (folder / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
        return digest.hexdigest()

    def _files(self, folder: Path) -> list[str]:
        if (folder / MANIFEST).is_file():
            return [MANIFEST, *self._artifact(folder).manifest.files]
        checkpoint = read_checkpoint(folder, file_names(folder), self._source)
        return sorted(checkpoint.files)

    def _artifact(self, folder: Path) -> Artifact:
        try:
            return read_manifest(folder)
        except ArtifactError as error:
            raise SourceError(f"{self._source}: {error}") from error
