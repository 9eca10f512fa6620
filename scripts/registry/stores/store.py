"""Protocol of an object store.

Each call takes effect whole or not at all. After a lost answer the caller finds out by reading
back: `create` and `replace` never overwrite what they did not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

Content = bytes | Path  # of a small object, or the file that holds a large one


@dataclass(frozen=True)
class StoredObject:
    """An object's content, and the tag that `replace` compares."""

    content: bytes
    etag: str


@dataclass(frozen=True)
class Listed:
    """An object in a listing; `modified` has a time zone."""

    key: str
    modified: datetime


class ObjectStore(Protocol):
    """Objects under keys, which are paths of names joined by `/`.

    Every call raises StoreError where the store cannot be reached or denies it.
    """

    @property
    def location(self) -> str:
        """The store's name for people: a directory, or `s3://bucket/prefix`."""

    def get(self, key: str) -> StoredObject:
        """Read a small object. Raises NotFoundError."""

    def download(self, key: str, path: Path) -> str:
        """Write an object of any size to a new file and return its tag. Raises NotFoundError."""

    def create(self, key: str, content: Content) -> None:
        """Write an object that is not there yet. Raises ConflictError where it is."""

    def replace(self, key: str, content: Content, etag: str) -> None:
        """Replace an object that still has this tag. Raises ConflictError where it does not."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield every object whose key starts with a prefix."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
