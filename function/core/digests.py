"""SHA-256 of files.

It imports the standard library alone, so that hashing can start before everything else is imported.
Hashing takes a tenth of a second, in C, outside Python's lock.
"""

import hashlib
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Digest = Callable[[Path], str]


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in 64 hex digits; raises OSError if it cannot be read.

    One call hashes the whole file: each chunk would have to wait for Python's lock again, and while
    other threads import, those waits take longer than the hashing.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:  # an empty file cannot be mapped
            return hashlib.sha256().hexdigest()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return hashlib.sha256(content).hexdigest()


def hash_ahead(folder: Path) -> Digest:
    """Start hashing every file below a folder; return a function that waits for a file's digest."""
    pool = ThreadPoolExecutor(thread_name_prefix="digest")
    started = {path: pool.submit(digest_file, path) for path in folder.rglob("*") if path.is_file()}
    pool.shutdown(wait=False)
    return lambda path: started[path].result() if path in started else digest_file(path)
