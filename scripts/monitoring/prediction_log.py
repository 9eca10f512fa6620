"""The prediction log: what one model answered in a window of time, with the feedback on it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.monitoring.log_files import log_files
from scripts.monitoring.log_lines import Line, lines_of, time_of
from scripts.monitoring.window import Window

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
