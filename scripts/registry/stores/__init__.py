"""Stores of a registry's objects: a directory, or an S3 prefix, with the same keys."""

from pathlib import Path

from scripts.common.errors import UsageError
from scripts.registry.stores.directory import DirectoryStore
from scripts.registry.stores.store import ObjectStore

S3 = "s3://"


def open_store(location: str) -> ObjectStore:
    """Return the store at a directory or `s3://bucket/prefix`. Raises UsageError."""
    if location.startswith(S3):
        from scripts.registry.stores.s3 import S3Store

        bucket, _, prefix = location.removeprefix(S3).partition("/")
        if not bucket:
            raise UsageError(f"{location}: name a bucket, as in s3://bucket/prefix")
        return S3Store(bucket, prefix.strip("/"))
    if "://" in location:
        raise UsageError(f"{location}: give a directory or s3://bucket/prefix")
    return DirectoryStore(Path(location))
