"""A store whose calls fail as ordered: before they took effect, after it, or by the death of the
process that made them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from scripts.common.errors import StoreError
from scripts.registry.stores.store import Content, Listed, ObjectStore, StoredObject

Result = TypeVar("Result")
Fault = Literal["failed before", "answer lost", "killed before", "killed after"]
FAULTS: tuple[Fault, ...] = ("failed before", "answer lost", "killed before", "killed after")


class KilledError(BaseException):
    """The process died here: nothing of it may run on, so no `except Exception` sees this."""


class FaultyStore:
    """Counts the calls of another store and lets one of them go wrong.

    call: which, from 1; 0 for none. calls: names and keys of those made.
    """

    def __init__(self, store: ObjectStore, call: int = 0, fault: Fault = "failed before") -> None:
        self._store, self._call, self._fault = store, call, fault
        self.calls: list[str] = []

    @property
    def location(self) -> str:
        return self._store.location

    def get(self, key: str) -> StoredObject:
        return self._through("get", key, lambda: self._store.get(key))

    def download(self, key: str, path: Path) -> str:
        return self._through("download", key, lambda: self._store.download(key, path))

    def create(self, key: str, content: Content) -> None:
        self._through("create", key, lambda: self._store.create(key, content))

    def replace(self, key: str, content: Content, etag: str) -> None:
        self._through("replace", key, lambda: self._store.replace(key, content, etag))

    def list(self, prefix: str) -> Iterator[Listed]:
        return iter(self._through("list", prefix, lambda: list(self._store.list(prefix))))

    def delete(self, key: str) -> None:
        self._through("delete", key, lambda: self._store.delete(key))

    def _through(self, name: str, key: str, call: Callable[[], Result]) -> Result:
        self.calls.append(f"{name} {key}")
        if len(self.calls) != self._call:
            return call()
        if self._fault == "killed before":
            raise KilledError
        if self._fault == "failed before":
            raise StoreError(f"{name} {key}: refused by the test")
        with suppress(StoreError):  # nobody gets this answer
            call()
        if self._fault == "killed after":
            raise KilledError
        raise StoreError(f"{name} {key}: the answer was lost by the test")
