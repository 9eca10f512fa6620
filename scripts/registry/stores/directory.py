"""Objects as files of a directory.

A file comes into being whole: it is written under another name, synced, and linked or renamed.
Writers that replace hold a lock on the folder while they compare and rename; the lock goes with
the process that holds it.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from scripts.common.errors import ConflictError, NotFoundError, StoreError
from scripts.registry.stores.store import Content, Listed, StoredObject

PARTIAL = ".partial-"  # what a killed writer may leave behind; never listed, never read


class DirectoryStore:
    """A directory as an object store. A tag is the content's SHA-256."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        return str(self._root)

    def get(self, key: str) -> StoredObject:
        with _errors(key):
            content = self._path(key).read_bytes()
        return StoredObject(content, hashlib.sha256(content).hexdigest())

    def download(self, key: str, path: Path) -> str:
        with _errors(key):
            shutil.copyfile(self._path(key), path)
        return _digest(path)

    def create(self, key: str, content: Content) -> None:
        path = self._path(key)
        with _errors(key), _write_partial(path, content) as partial:
            try:
                os.link(partial, path)
            except FileExistsError as error:
                raise ConflictError(f"{key}: already there") from error
            _sync(path.parent)

    def replace(self, key: str, content: Content, etag: str) -> None:
        path = self._path(key)
        with _errors(key), _write_partial(path, content) as partial, _lock_folder(path.parent):
            if not path.exists() or _digest(path) != etag:
                raise ConflictError(f"{key}: changed meanwhile")
            os.replace(partial, path)
            _sync(path.parent)

    def list(self, prefix: str) -> Iterator[Listed]:
        folder = self._root / prefix.rpartition("/")[0]
        with _errors(prefix):
            for path in sorted(folder.rglob("*")):
                key = path.relative_to(self._root).as_posix()
                if not path.name.startswith(PARTIAL) and key.startswith(prefix) and path.is_file():
                    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    yield Listed(key, modified)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _errors(key):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._root or not _remove_if_empty(folder):
                    break

    def _path(self, key: str) -> Path:
        return self._root / key


@contextmanager
def _errors(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{key}: not there") from error
    except OSError as error:
        # Of a copy, the second name is the one that is written.
        raise StoreError(
            f"{error.filename2 or error.filename or key}: {error.strerror or error}"
        ) from error


@contextmanager
def _write_partial(path: Path, content: Content) -> Iterator[Path]:
    """Yield a synced file of the content in the target's folder, and remove it afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL}{uuid4().hex}")
    try:
        if isinstance(content, Path):
            shutil.copyfile(content, partial)
        else:
            partial.write_bytes(content)
        _sync(partial)
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> bool:
    """Remove a folder if it is empty, and return whether it was."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which one writer at a time has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
