"""The prediction log: what one model answered in a window of time, with the feedback on it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.errors import UsageError
from scripts.drift.log_lines import Line, lines_of, time_of
from scripts.registry.stores.location import S3, open_store
from scripts.registry.stores.store import ObjectStore

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


Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PredictionLog:
    """Predictions, oldest first; every array has one entry, or row, a text.

    times: Unix seconds. labels: every label that was answered. answers: how often each, one for
    a classified text and any number for entities. scores: NaN where there was none. tokens,
    words: of the text. correct: 1 or 0 where somebody told the label, else NaN. damaged: lines
    that could not be read.
    """

    times: Numbers
    versions: Sequence[str]
    labels: Sequence[str]
    answers: Numbers
    scores: Numbers
    tokens: Numbers
    words: Numbers
    correct: Numbers
    damaged: int = 0

    def __len__(self) -> int:
        return len(self.times)

    def time(self, row: int) -> datetime:
        """When a text was answered."""
        return datetime.fromtimestamp(self.times[row], UTC)

    def select(self, rows: npt.NDArray[np.integer] | slice) -> "PredictionLog":
        """Some of the texts; a row that is named twice counts twice."""
        return PredictionLog(
            self.times[rows],
            list(np.array(self.versions, dtype=object)[rows]),
            self.labels,
            self.answers[rows],
            self.scores[rows],
            self.tokens[rows],
            self.words[rows],
            self.correct[rows],
            self.damaged,
        )

    def of_version(self, version: str) -> "PredictionLog":
        """What one version of the model answered."""
        return self.select(np.flatnonzero(np.array(self.versions, dtype=object) == version))


def read_log(where: str, window: Window, model: str) -> PredictionLog:
    """Read a model's predictions of a window and join the feedback, of which the last counts.

    where: a file of JSON lines (a captured output, plain or gzip) or Parquet, a directory of
    them, or `s3://bucket/prefix`. A line that was delivered twice counts once. Raises UsageError
    where nothing lies there, StoreError where it cannot be read.
    """
    return collect(
        (line for content in log_files(where, window) for line in lines_of(content)), window, model
    )


def collect(lines: Iterable[Line], window: Window, model: str) -> PredictionLog:
    """The same of lines at hand, None for each that is damaged."""
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
                continue  # there are no entities in the log to hold them against
            if line["log"] == "feedback":
                feedback[line["id"]] = max(
                    feedback.get(line["id"], (0.0, "")), (time.timestamp(), str(line["label"]))
                )
            elif line["model"] == model and window.holds(time):
                _check(line)
                predictions[line["id"]] = time.timestamp(), line
        except (KeyError, TypeError, ValueError):
            damaged += 1
    rows = sorted(predictions.values(), key=lambda row: row[0])
    return _arrays(rows, {id_: label for id_, (_, label) in feedback.items()}, damaged)


def _check(line: Mapping[str, Any]) -> None:
    """Raise where a member is missing or not what it should be."""
    _ = float(line["tokens"]), float(line["words"]), float(line.get("score", 0))
    if not isinstance(line["version"], str) or not isinstance(_answer(line), Mapping):
        raise TypeError("not a line of the prediction log")


def _answer(line: Mapping[str, Any]) -> Mapping[str, float]:
    answer: Mapping[str, float] = line["labels"] if "labels" in line else {line["label"]: 1}
    return answer


def _arrays(
    rows: Sequence[tuple[float, Mapping[str, Any]]], truth: Mapping[str, str], damaged: int
) -> PredictionLog:
    lines = [line for _, line in rows]
    labels = sorted({str(label) for line in lines for label in _answer(line)})
    codes = {label: code for code, label in enumerate(labels)}
    answers = np.zeros((len(lines), len(labels)))
    for row, line in enumerate(lines):
        for label, count in _answer(line).items():
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
        scores=np.array([float(line.get("score", np.nan)) for line in lines]),
        tokens=np.array([float(line["tokens"]) for line in lines]),
        words=np.array([float(line["words"]) for line in lines]),
        correct=np.array(judged),
        damaged=damaged,
    )
