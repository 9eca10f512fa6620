"""Which tracker a setting means."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.common.errors import MissingExtraError
from scripts.tracking.tracker import Choice, Nothing, Tracker, TrackingError

PACKAGES = {"mlflow": "mlflow-skinny sqlalchemy alembic", "wandb": "wandb"}
OFF = 'or set [tracking] to = "none"'
# MLflow tells of every table that it makes, reports its use to its makers, and waits four minutes
# for a server that is down, which training would wait as well.
MLFLOW_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}


def open_tracker(
    choice: Choice,
    *,
    group: str,
    name: str,
    folder: Path,
    runs: Mapping[str, str],
    job: str = "training",
) -> Tracker:
    """Open a run, the one of `runs` (by kind of tracker) where an earlier process began it.

    `auto` is MLflow where that is installed, and nothing elsewhere. group: MLflow's experiment,
    W&B's project. folder: where a tracker may keep files of its own. job: what kind of run it is,
    by which trackers tell runs apart.
    Raises MissingExtraError where a tracker was named that is not installed, and TrackingError
    where one that is installed cannot be opened.
    """
    if choice == "none":
        return Nothing()
    kind = "mlflow" if choice == "auto" else choice
    try:
        tracker = _open(kind, group, name, folder, runs.get(kind), job)
    except ImportError as error:
        if choice == "auto":
            print(f"tracking: off; for MLflow, pip install {PACKAGES[kind]}", file=sys.stderr)
            return Nothing()
        raise MissingExtraError(
            f"tracking: {kind} is not installed: pip install {PACKAGES[kind]}, {OFF}"
        ) from error
    except Exception as error:  # the libraries let errors of databases and of HTTP through
        cause = one_line(error)
        raise TrackingError(f"tracking: {kind} cannot be opened: {cause}; {OFF}") from error
    print(f"tracking: {kind}, run {tracker.run} of {group}", file=sys.stderr)
    return tracker


def one_line(error: BaseException) -> str:
    """An error's message without line breaks; of a long one the two ends, where the cause is."""
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 300 else f"{message[:150]} ... {message[-150:]}"


def _open(kind: str, group: str, name: str, folder: Path, run: str | None, job: str) -> Tracker:
    if kind == "wandb":
        from scripts.tracking.wandb_tracker import open_wandb

        return open_wandb(group, name, folder, run, job)
    for variable, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(variable, value)
    from scripts.tracking.mlflow_tracker import open_mlflow

    return open_mlflow(group, name, run, job)
