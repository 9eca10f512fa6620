"""The stretch of time that is looked at."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scripts.common.errors import UsageError

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Window:
    """From `since` (None: from the first) up to, and without, `until`; both with a time zone."""

    since: datetime | None
    until: datetime

    def holds(self, time: datetime) -> bool:
        return time < self.until and (self.since is None or time >= self.since)


def parse_window(since: str | None, until: str | None, now: datetime) -> Window:
    """A window as people type it: `24h`, `90m`, `7d`, `2w`, or a time in ISO 8601, UTC by default.

    A stretch of `until` is counted back from now, one of `since` from there. Raises UsageError.
    """
    end = _time(until, now) if until else now
    start = _time(since, end) if since else None
    if start is not None and start >= end:
        raise UsageError(f"--since {since}: must lie before --until, which is {end:%F %T %Z}")
    return Window(start, end)


def _time(said: str, back_from: datetime) -> datetime:
    if stretch := re.fullmatch(r"(\d+)([mhdw])", said):
        try:
            return back_from - timedelta(**{UNITS[stretch[2]]: int(stretch[1])})
        except OverflowError as error:
            raise UsageError(f"{said}: that is before the year 1") from error
    try:
        time = datetime.fromisoformat(said)
    except ValueError as error:
        raise UsageError(
            f"{said}: give a stretch such as 24h or 7d, or a time such as 2026-11-21T12:00:00Z"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
