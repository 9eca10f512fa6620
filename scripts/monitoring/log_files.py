"""Which files hold a window of the prediction log, and their content."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.common.errors import UsageError
from scripts.monitoring.window import Window
from scripts.registry.stores.location import S3, open_store
from scripts.registry.stores.store import ObjectStore

HOUR = timedelta(hours=1)
# How long after its prediction feedback is waited for, and how late Firehose may write a line.
LATEST = timedelta(days=7)
# Firehose names a file by the hour of its first line, and waits no longer than this for the last.
BUFFERED = timedelta(minutes=15)
PARTITION = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})/")


def log_files(where: str, window: Window) -> Iterator[bytes]:
    """The content of every file that may hold lines of a window, or feedback on them.

    where: a file, a directory, or `s3://bucket/prefix`. Files in hourly folders
    (`YYYY/MM/DD/HH/`, in UTC) of another time are not opened. Raises UsageError where nothing
    lies there, StoreError where it cannot be read.
    """
    path = Path(where)
    if not where.startswith(S3) and path.is_file():
        yield path.read_bytes()
        return
    if not where.startswith(S3) and not path.is_dir():
        raise UsageError(f"{where}: no such file or directory of a prediction log")
    store = open_store(where)
    for key in _keys(store, where, window):
        if _may_hold(key, window):
            yield store.get(key).content


def _keys(store: ObjectStore, where: str, window: Window) -> Iterator[str]:
    """On S3 a listing of years costs time, so that only the days that count are listed."""
    days = _days(window) if where.startswith(S3) and window.since else [""]
    for day in days:
        yield from (listed.key for listed in store.list(day))


def _days(window: Window) -> Iterator[str]:
    first, last = window.since or window.until, window.until.astimezone(UTC)
    day = (first - BUFFERED).astimezone(UTC)
    latest = min(last + LATEST, datetime.now(UTC))
    while f"{day:%F}" <= f"{latest:%F}":
        yield f"{day:%Y/%m/%d}/"
        day += timedelta(days=1)


def _may_hold(key: str, window: Window) -> bool:
    found = PARTITION.search(key)
    if found is None:
        return True
    try:
        hour = datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return True
    return hour < window.until + LATEST and (
        window.since is None or hour + HOUR + BUFFERED > window.since.astimezone(UTC)
    )
