"""Protocol that every tracker follows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scripts.common.errors import CommandError

TrackerChoice = Literal["auto", "mlflow", "wandb", "none"]
Status = Literal["finished", "failed", "killed"]


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
