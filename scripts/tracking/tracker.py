"""Protocol of a tracker, and the choice of one by its setting."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scripts.common.errors import CommandError, MissingExtraError, one_line

TrackerChoice = Literal["auto", "mlflow", "wandb", "none"]
Status = Literal["finished", "failed", "killed"]

PACKAGES = {"mlflow": "mlflow-skinny sqlalchemy alembic", "wandb": "wandb"}
OFF = 'or set [tracking] to = "none"'
# MLflow logs every table that it creates, reports its use to its makers, and waits four minutes for
# a server that is down, which training would wait as well.
MLFLOW_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}


class TrackingError(CommandError):
    """The tracker is installed but could not be opened."""


@dataclass(frozen=True)
class Point:
    """One figure at one step."""

    name: str  # a path such as `finetuning/loss`; each has steps of its own
    value: float
    step: int
    time: float = field(default_factory=time.time)  # in Unix seconds


class Tracker(Protocol):
    """One run that is being recorded. Methods raise whatever the library behind them raises."""

    kind: str
    run: str  # the id by which it is opened again, empty where it keeps none

    def parameters(self, values: Mapping[str, str]) -> None:
        """Record the run's settings. Recording them again changes nothing."""

    def metrics(self, points: Sequence[Point]) -> None:
        """Record figures, in the order of their steps."""

    def picture(self, path: Path) -> None:
        """Record an image file, shown among the run's plots."""

    def file(self, path: Path) -> None:
        """Record a file under its own name."""

    def model(self, path: Path, name: str, *, register: bool) -> None:
        """Record a model's folder.

        With `register` it also becomes the newest version of `name` in the tracker's model
        registry; that changes nothing where every logged model is a version anyway.
        """

    def finish(self, status: Status) -> None:
        """End the run; nothing is recorded after it."""


class NullTracker:
    """A tracker that keeps nothing."""

    kind = "none"
    run = ""

    def parameters(self, values: Mapping[str, str]) -> None: ...

    def metrics(self, points: Sequence[Point]) -> None: ...

    def picture(self, path: Path) -> None: ...

    def file(self, path: Path) -> None: ...

    def model(self, path: Path, name: str, *, register: bool) -> None: ...

    def finish(self, status: Status) -> None: ...


def open_tracker(
    choice: TrackerChoice,
    *,
    group: str,
    name: str,
    folder: Path,
    runs: Mapping[str, str],
    job: str = "training",
) -> Tracker:
    """Open a run, the one of `runs` (by kind of tracker) where an earlier process began it.

    `auto` is MLflow where that is installed, and nothing elsewhere.

    Args:
        choice: As in the configuration.
        group: MLflow's experiment, W&B's project.
        name: Of the run.
        folder: Where a tracker may keep files of its own.
        runs: Ids of earlier runs.
        job: The kind of run, by which trackers distinguish training from inference.

    Raises:
        MissingExtraError: A tracker was named that is not installed.
        TrackingError: One that is installed cannot be opened.
    """
    if choice == "none":
        return NullTracker()
    kind = "mlflow" if choice == "auto" else choice
    try:
        tracker = _open(kind, group, name, folder, runs.get(kind), job)
    except ImportError as error:
        if choice == "auto":
            print(f"tracking: off; for MLflow, pip install {PACKAGES[kind]}", file=sys.stderr)
            return NullTracker()
        raise MissingExtraError(
            f"tracking: {kind} is not installed: pip install {PACKAGES[kind]}, {OFF}"
        ) from error
    except Exception as error:  # the libraries let errors of databases and of HTTP through
        cause = one_line(error)
        raise TrackingError(f"tracking: {kind} cannot be opened: {cause}; {OFF}") from error
    print(f"tracking: {kind}, run {tracker.run} of {group}", file=sys.stderr)
    return tracker


def _open(kind: str, group: str, name: str, folder: Path, run: str | None, job: str) -> Tracker:
    if kind == "wandb":
        from scripts.tracking.wandb_tracker import open_wandb

        return open_wandb(group, name, folder, run, job)
    for variable, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(variable, value)
    from scripts.tracking.mlflow_tracker import open_mlflow

    return open_mlflow(group, name, run, job)
