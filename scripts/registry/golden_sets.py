"""Frozen golden sets: immutable under their digest, and a pointer to the one in use."""

from datetime import UTC, datetime

from function.core.artifact import sha256
from scripts.common.errors import ConflictError, LostRaceError, RegistryError
from scripts.registry import keys
from scripts.registry.documents import decode, encode, find_document, write_document
from scripts.registry.stores.store import ObjectStore


def freeze_golden(store: ObjectStore, model: str, content: bytes) -> str:
    """Store canonical JSON lines and put them in use; returns their SHA-256.

    Doing it again changes nothing. Raises LostRaceError, RegistryError.
    """
    digest = sha256(content)
    place = keys.golden(model, digest)
    found = find_document(store, place)
    damaged = found if found and sha256(found.content) != digest else None
    try:
        write_document(store, place, content, damaged)
    except ConflictError as error:
        raise RegistryError(f"{place}: holds other content") from error
    key = keys.golden_pointer(model)
    read = find_document(store, key)
    if read and decode(read, key).get("digest") == digest:
        return digest
    moved_at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        write_document(store, key, encode({"digest": digest, "moved_at": moved_at}), read)
    except ConflictError as error:
        raise LostRaceError(
            f"{model}: someone else put another golden set in use; check it, then try again"
        ) from error
    return digest


def current_golden(store: ObjectStore, model: str) -> tuple[str, bytes]:
    """Return digest and content of the golden set in use.

    Raises RegistryError where there is none, or its content does not fit its digest.
    """
    key = keys.golden_pointer(model)
    pointer = find_document(store, key)
    if pointer is None:
        raise RegistryError(
            f"{model}: no golden set in {store.location}; put one there with "
            f"'python -m scripts.golden --registry {store.location} --model {model} --data FILE'"
        )
    digest = str(decode(pointer, key).get("digest"))
    stored = find_document(store, keys.golden(model, digest))
    if stored is None or sha256(stored.content) != digest:
        raise RegistryError(
            f"{keys.golden(model, digest)}: missing, or not what its digest says; freeze it again"
        )
    return digest, stored.content
