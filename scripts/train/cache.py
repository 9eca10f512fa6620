"""Cache of what training makes once and several runs use: pieces, vectors, teachers' answers."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

CACHE = Path(os.environ.get("EVERGREEN_CACHE", "build/cache"))


def cache_key(*parts: str | bytes | Iterable[str]) -> str:
    """Return 64 hex digits of everything that the cached content depends on."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in [part] if isinstance(part, str | bytes) else part:
            content = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
    return digest.hexdigest()


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """Return the file of that name in the cache, made where it is not there.

    It is made under another name first, so that a killed run leaves no half of one.
    """
    file = CACHE / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{os.getpid()}.{file.name}")
        make(partial)
        os.replace(partial, file)
    return file
