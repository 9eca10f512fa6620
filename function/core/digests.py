"""SHA-256 of files. Standard library alone, so that hashing can start before anything else is
imported: it takes a tenth of a second, in C, outside Python's lock."""

import hashlib
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Digest = Callable[[Path], str]


def digest_file(path: Path) -> str:
    """64 hex digits. Raises OSError.

    The file is hashed in one call: each piece would have to wait for Python's lock anew, and while
    other threads import, that takes longer than the hashing.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:  # which cannot be mapped
            return hashlib.sha256().hexdigest()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return hashlib.sha256(content).hexdigest()


def hash_ahead(folder: Path) -> Digest:
    """Start hashing every file below a folder; the answer waits for the file it is asked for."""
    pool = ThreadPoolExecutor(thread_name_prefix="digest")
    started = {path: pool.submit(digest_file, path) for path in folder.rglob("*") if path.is_file()}
    pool.shutdown(wait=False)
    return lambda path: started[path].result() if path in started else digest_file(path)
