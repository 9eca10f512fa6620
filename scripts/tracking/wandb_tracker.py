"""Runs in Weights & Biases, set up by its own WANDB_ variables.

WANDB_MODE=offline needs no account and no network.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import wandb

from scripts.tracking.tracker import Point, Status

EXIT_CODES: dict[Status, int] = {"finished": 0, "failed": 1, "killed": 255}


class WandbTracker:
    """One run of a project."""

    kind = "wandb"

    def __init__(self, opened: wandb.Run) -> None:
        self._opened, self.run = opened, opened.id
        self._axes: set[str] = set()

    def parameters(self, values: Mapping[str, str]) -> None:
        self._opened.config.update(  # type: ignore[no-untyped-call]
            dict(values), allow_val_change=True
        )

    def metrics(self, points: Sequence[Point]) -> None:
        """See `Tracker`. W&B has one growing step a run, so each part gets an axis of its own."""
        for (part, step), some in groupby(points, lambda point: (_prefix(point.name), point.step)):
            axis = f"{part}/step"
            if axis not in self._axes:
                self._opened.define_metric(axis, hidden=True)
                self._opened.define_metric(f"{part}/*", step_metric=axis)
                self._axes.add(axis)
            self._opened.log({axis: step} | {point.name: point.value for point in some})

    def picture(self, path: Path) -> None:
        self._opened.log({f"plots/{path.stem}": wandb.Image(str(path))})

    def file(self, path: Path) -> None:
        self._opened.save(str(path), base_path=str(path.parent), policy="now")

    def model(self, path: Path, name: str, *, register: bool) -> None:  # noqa: ARG002
        """See `Tracker`. Every logged model is a version of its name, without registering."""
        artifact = wandb.Artifact(re.sub(r"[^\w.-]", "-", name), type="model")
        artifact.add_dir(str(path))
        self._opened.log_artifact(artifact)

    def finish(self, status: Status) -> None:
        self._opened.finish(exit_code=EXIT_CODES[status])


def open_wandb(project: str, name: str, folder: Path, run: str | None, job: str) -> WandbTracker:
    """Open `run` again, or begin one called `name`; W&B keeps its own files in `folder`.

    Errors of the account or the network are W&B's own.
    """
    return WandbTracker(
        wandb.init(
            project=os.environ.get("WANDB_PROJECT", project),
            name=name,
            job_type=job,
            id=run,
            resume="allow",
            dir=os.environ.get("WANDB_DIR", str(folder)),
            # Standard output carries the command's result, and stays ours.
            settings=wandb.Settings(console="off"),
        )
    )


def _prefix(name: str) -> str:
    return name.rpartition("/")[0]
