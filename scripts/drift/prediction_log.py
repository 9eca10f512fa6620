"""The prediction log: the answers of one model in a time range, with the feedback on them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.errors import UsageError
from scripts.drift.log_lines import Line, lines_of, time_of
from scripts.registry.stores import S3, open_store
from scripts.registry.stores.store import ObjectStore

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
HOUR = timedelta(hours=1)
# Feedback counts up to this long after its prediction; Firehose is never later with a line.
LATEST = timedelta(days=7)
# Firehose names a file by the hour of its first line, and waits no longer than this for the last.
BUFFERED = timedelta(minutes=15)
PARTITION = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})/")

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TimeRange:
    """The times from `since` (None: the first) until before `until`; both with a time zone."""

    since: datetime | None
    until: datetime

    def holds(self, time: datetime) -> bool:
        return time < self.until and (self.since is None or time >= self.since)


def parse_time_range(since: str | None, until: str | None, now: datetime) -> TimeRange:
    """Parse a range as people type it: `24h`, `90m`, `7d`, `2w`, or a time in ISO 8601 (UTC).

    A duration as `until` is counted back from now, one as `since` from `until`. Raises UsageError
    if one is neither, or the range is empty.
    """
    end = _parse_time(until, now) if until else now
    start = _parse_time(since, end) if since else None
    if start is not None and start >= end:
        raise UsageError(f"--since {since}: must lie before --until, which is {end:%F %T %Z}")
    return TimeRange(start, end)


def _parse_time(value: str, back_from: datetime) -> datetime:
    if duration := re.fullmatch(r"(\d+)([mhdw])", value):
        try:
            return back_from - timedelta(**{UNITS[duration[2]]: int(duration[1])})
        except OverflowError as error:
            raise UsageError(f"{value}: that is before the year 1") from error
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(
            f"{value}: give a stretch such as 24h or 7d, or a time such as 2026-11-21T12:00:00Z"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@dataclass(frozen=True)
class PredictionLog:
    """Predictions, oldest first. Every array has one entry, or row, per text."""

    times: Numbers  # Unix seconds
    versions: Sequence[str]  # the model version that answered
    labels: Sequence[str]  # all that occur in answers
    # how often each of `labels`: one for a classified text, any number for entities
    answers: Numbers
    # 1 where the first stage of a cascade answered, 0 where the full model did, NaN in lines
    # without a stage: of entities, or written before there were cascades
    first: Numbers
    scores: Numbers  # NaN where there was none
    tokens: Numbers  # length of the text
    words: Numbers
    correct: Numbers  # 1 or 0 where feedback gave the label, else NaN
    damaged: int = 0  # lines that could not be read

    def __len__(self) -> int:
        return len(self.times)

    def time(self, row: int) -> datetime:
        """Return when a text was answered."""
        return datetime.fromtimestamp(self.times[row], UTC)

    def select(self, rows: npt.NDArray[np.integer] | slice) -> "PredictionLog":
        """Return some of the texts; a row that is named twice counts twice."""
        chosen: dict[str, Any] = {
            name: each[rows] for name, each in vars(self).items() if isinstance(each, np.ndarray)
        }
        versions = list(np.array(self.versions, dtype=object)[rows])
        return replace(self, versions=versions, **chosen)

    def of_version(self, version: str) -> "PredictionLog":
        """Return the texts that one version of the model answered."""
        return self.select(np.flatnonzero(np.array(self.versions, dtype=object) == version))


def read_log(where: str, time_range: TimeRange, model: str) -> PredictionLog:
    """Read a model's predictions in a time range and join the last feedback on each.

    A line that was delivered twice counts once. `where` and errors are those of `log_files`.
    """
    lines = (line for content in log_files(where, time_range) for line in lines_of(content))
    return build_log(lines, time_range, model)


def build_log(lines: Iterable[Line], time_range: TimeRange, model: str) -> PredictionLog:
    """Build the log from lines in any order, None for each that is damaged."""
    predictions: dict[str, tuple[float, Mapping[str, Any]]] = {}
    feedback: dict[str, tuple[float, str]] = {}
    damaged = 0
    for line in lines:
        if line is None:
            damaged += 1
            continue
        try:
            time = time_of(line)
            if line["log"] == "feedback" and "entities" in line:
                continue  # the log has no predicted entities to compare them with
            if line["log"] == "feedback":
                feedback[line["id"]] = max(
                    feedback.get(line["id"], (0.0, "")), (time.timestamp(), str(line["label"]))
                )
            elif line["model"] == model and time_range.holds(time):
                _check(line)
                predictions[line["id"]] = time.timestamp(), line
        except (KeyError, TypeError, ValueError):
            damaged += 1
    rows = sorted(predictions.values(), key=lambda row: row[0])
    return _arrays(rows, {id_: label for id_, (_, label) in feedback.items()}, damaged)


def _check(line: Mapping[str, Any]) -> None:
    """Raise if a member is missing or has the wrong type."""
    _ = float(line["tokens"]), float(line["words"]), float(line.get("score", 0))
    if not isinstance(line["version"], str) or not isinstance(_label_counts(line), Mapping):
        raise TypeError("not a line of the prediction log")


def _is_first(line: Mapping[str, Any]) -> float:
    return float(line["stage"] == "first") if "stage" in line else np.nan


def _label_counts(line: Mapping[str, Any]) -> Mapping[str, float]:
    counts: Mapping[str, float] = line["labels"] if "labels" in line else {line["label"]: 1}
    return counts


def _arrays(
    rows: Sequence[tuple[float, Mapping[str, Any]]], truth: Mapping[str, str], damaged: int
) -> PredictionLog:
    lines = [line for _, line in rows]
    labels = sorted({str(label) for line in lines for label in _label_counts(line)})
    codes = {label: code for code, label in enumerate(labels)}
    answers = np.zeros((len(lines), len(labels)))
    for row, line in enumerate(lines):
        for label, count in _label_counts(line).items():
            answers[row, codes[str(label)]] = count
    judged = [
        float(truth[line["id"]] == line["label"])
        if line["id"] in truth and "label" in line
        else np.nan
        for line in lines
    ]
    return PredictionLog(
        times=np.array([time for time, _ in rows]),
        versions=[line["version"] for line in lines],
        labels=labels,
        answers=answers,
        first=np.array([_is_first(line) for line in lines]),
        scores=np.array([float(line.get("score", np.nan)) for line in lines]),
        tokens=np.array([float(line["tokens"]) for line in lines]),
        words=np.array([float(line["words"]) for line in lines]),
        correct=np.array(judged),
        damaged=damaged,
    )


def log_files(where: str, time_range: TimeRange) -> Iterator[bytes]:
    """Yield the content of each file that may hold lines of a time range, or feedback on them.

    `where` is a file of JSON lines (a captured output, plain or gzip) or Parquet, a directory of
    them, or `s3://bucket/prefix`. Files in hourly folders (`YYYY/MM/DD/HH/`, in UTC) of another
    time are not opened. Raises UsageError if there is no such file or directory, StoreError if it
    cannot be read.
    """
    path = Path(where)
    if not where.startswith(S3) and path.is_file():
        yield path.read_bytes()
        return
    if not where.startswith(S3) and not path.is_dir():
        raise UsageError(f"{where}: no such file or directory of a prediction log")
    store = open_store(where)
    for key in _keys(store, where, time_range):
        if _may_hold(key, time_range):
            yield store.get(key).content


def _keys(store: ObjectStore, where: str, time_range: TimeRange) -> Iterator[str]:
    """Yield keys, of a log on S3 day by day: listing years of it takes long."""
    by_day = where.startswith(S3) and time_range.since is not None
    found = False
    for day in _days(time_range) if by_day else ():
        for listed in store.list(day):
            found = True
            yield listed.key
    for listed in () if found else store.list(""):
        if by_day and PARTITION.search(listed.key):
            return  # it has folders by day, and nothing of that time
        yield listed.key


def _days(time_range: TimeRange) -> Iterator[str]:
    first, last = time_range.since or time_range.until, time_range.until.astimezone(UTC)
    day = (first - BUFFERED).astimezone(UTC)
    latest = min(last + LATEST, datetime.now(UTC))
    while f"{day:%F}" <= f"{latest:%F}":
        yield f"{day:%Y/%m/%d}/"
        day += timedelta(days=1)


def _may_hold(key: str, time_range: TimeRange) -> bool:
    found = PARTITION.search(key)
    if found is None:
        return True
    try:
        hour = datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return True
    return hour < time_range.until + LATEST and (
        time_range.since is None or hour + HOUR + BUFFERED > time_range.since.astimezone(UTC)
    )
