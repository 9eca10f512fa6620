"""Recording of a run while it trains: at MLflow, Weights & Biases, or nowhere.

open_tracker() fails before anything was started; a Recording never fails, so that a server that
goes away costs no training run.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.common.errors import MissingExtraError, one_line
from scripts.tracking.tracker import NullTracker, Tracker, TrackerChoice, TrackingError

PACKAGES = {"mlflow": "mlflow-skinny sqlalchemy alembic", "wandb": "wandb"}
OFF = 'or set [tracking] to = "none"'
# MLflow logs every table that it creates, reports its use to its makers, and waits four minutes for
# a server that is down, which training would wait as well.
MLFLOW_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}


def open_tracker(
    choice: TrackerChoice,
    *,
    group: str,
    name: str,
    folder: Path,
    runs: Mapping[str, str],
    job: str = "training",
) -> Tracker:
    """Open a run, the one of `runs` (ids by kind of tracker) where an earlier process began it.

    `auto` is MLflow where that is installed, and nothing elsewhere. `group` is MLflow's experiment,
    W&B's project. In `folder` a tracker may keep files of its own. By `job` trackers distinguish
    training from inference.

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
