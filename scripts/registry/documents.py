"""Small JSON objects in a store, written so that a lost answer is not taken for a lost race."""

import json
from collections.abc import Iterable
from typing import Any

from scripts.common.errors import ConflictError, NotFoundError, RegistryError
from scripts.registry.stores.store import ObjectStore, StoredObject


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as it is stored."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def decode(stored: StoredObject, key: str) -> dict[str, Any]:
    """Parse a stored document. Raises RegistryError where it is not a JSON object."""
    try:
        document = json.loads(stored.content)
    except ValueError as error:
        raise RegistryError(f"{key}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RegistryError(f"{key}: not a JSON object")
    return document


def require_texts(members: Iterable[object], key: str, kind: str) -> None:
    """Raise RegistryError unless all members are texts: people may edit documents."""
    if not all(isinstance(member, str) for member in members):
        raise RegistryError(f"{key}: not {kind}: a member is of another type")


def find_document(store: ObjectStore, key: str) -> StoredObject | None:
    """Return an object, None where there is none."""
    try:
        return store.get(key)
    except NotFoundError:
        return None


def write_document(store: ObjectStore, key: str, content: bytes, read: StoredObject | None) -> None:
    """Write an object that must still be as it was `read` (None: absent). Raises ConflictError.

    A client that retries after a lost answer runs into a conflict with its own write. So after a
    conflict the object is read back, and one's own content there means success.
    """
    try:
        if read is None:
            store.create(key, content)
        else:
            store.replace(key, content, read.etag)
    except ConflictError:
        now = find_document(store, key)
        if now is None or now.content != content:
            raise
