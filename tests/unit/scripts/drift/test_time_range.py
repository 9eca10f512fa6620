"""Ranges of time as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from scripts.common.errors import UsageError
from scripts.drift.prediction_log import TimeRange, parse_time_range

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        (None, None, None, NOW),
        ("24h", None, NOW - timedelta(days=1), NOW),
        ("90m", "2d", NOW - timedelta(days=2, minutes=90), NOW - timedelta(days=2)),
        (
            "1w",
            "2026-11-20",
            datetime(2026, 11, 13, tzinfo=UTC),
            datetime(2026, 11, 20, tzinfo=UTC),
        ),
        ("2026-11-20T10:00:00+02:00", None, datetime(2026, 11, 20, 8, tzinfo=UTC), NOW),
    ],
)
def test_a_stretch_is_counted_back_and_a_time_is_taken_as_it_is(since, until, start, end):
    assert parse_time_range(since, until, NOW) == TimeRange(start, end)


@pytest.mark.parametrize("said", ["yesterday", "24", "h", "2026-13-01", "9999999999w"])
def test_what_is_no_time_says_what_to_give(said):
    with pytest.raises(UsageError, match=said):
        parse_time_range(said, None, NOW)


def test_a_window_ends_after_it_begins():
    with pytest.raises(UsageError, match="before --until"):
        parse_time_range("2026-11-22", None, NOW)


def test_the_end_is_not_part_of_a_window():
    window = parse_time_range("24h", None, NOW)
    assert window.holds(NOW - timedelta(days=1))
    assert not window.holds(NOW)
