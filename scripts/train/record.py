"""The record of a training run: its folder, and the tracker that the configuration asks for."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from scripts.tracking import open_tracker
from scripts.tracking.recording import Recording, TrackedSteps
from scripts.tracking.tracker import Point, Status, Tracker
from scripts.train.config import TrainConfig

LOG = "log.jsonl"
TRACKED = "tracking.json"
FILES = ("config.json", "report.json", "tokenizer.json")


class RunRecord:
    """The record of one run: `log.jsonl` first, then the tracker."""

    def __init__(
        self, config: TrainConfig, output: Path, lines: TextIO, recording: Recording
    ) -> None:
        self._config, self._output = config, output
        self._lines, self._recording = lines, recording

    def log(self, record: dict[str, Any]) -> None:
        """Record a line of the log: a step's loss, or a validation."""
        self._lines.write(json.dumps(record) + "\n")
        self._lines.flush()
        self._recording.add(_points(record))

    def results(self, measured: dict[str, dict[str, float]], plots: Sequence[Path]) -> None:
        """Record the results: figures by data set, plots, files and the artifact."""
        points = [
            Point(f"{name}/{figure}", value, step=0)
            for name, figures in measured.items()
            for figure, value in figures.items()
        ]

        def send(tracker: Tracker) -> None:
            tracker.metrics(points)
            for plot in plots:
                tracker.picture(plot)
            for name in FILES:
                tracker.file(self._output / name)
            register = self._config.tracking.register_model
            tracker.model(self._output / "artifact", self._config.model, register=register)

        self._recording.attempt(send)


@contextmanager
def record_run(config: TrainConfig, output: Path) -> Iterator[RunRecord]:
    """Open the record of a run, the one that an earlier process began where there is one.

    A tracker fails before anything is trained, with MissingExtraError or TrackingError, or not at
    all.
    """
    tracked = TrackedSteps(output / TRACKED)
    tracker = open_tracker(
        config.tracking.to,
        group=config.model,
        name=output.resolve().name,
        folder=output,
        runs=tracked.runs(),
    )
    recording = Recording(tracker, tracked)
    recording.attempt(lambda opened: opened.parameters(flat_settings(config)))
    # Points that a killed process logged and had not sent yet.
    for record in read_training_log(output):
        recording.add(_points(record))
    status: Status = "failed"
    try:
        with (output / LOG).open("a", encoding="utf-8") as lines:
            yield RunRecord(config, output, lines, recording)
        status = "finished"
    except KeyboardInterrupt:
        status = "killed"
        raise
    finally:
        recording.finish(status)


def read_training_log(output: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log so far, without those that a full disk tore."""
    path = output / LOG
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with suppress(json.JSONDecodeError):
            records.append(json.loads(line))
    return records


def _points(record: dict[str, Any]) -> list[Point]:
    """Return a record's figures; one of a resumption has none."""
    if "step" not in record:
        return []
    return [
        Point(f"{record['phase']}/{name}", value, record["step"])
        for name, value in record.items()
        if name not in ("phase", "step")
    ]


def flat_settings(config: TrainConfig) -> dict[str, str]:
    """Return a configuration under flat names: `finetuning.learning_rate`, `datasets.0.path`."""
    return dict(_flat(config.model_dump()))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)
