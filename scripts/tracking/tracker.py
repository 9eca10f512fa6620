"""What every tracker can do."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scripts.common.errors import CommandError

Choice = Literal["auto", "mlflow", "wandb", "none"]
Status = Literal["finished", "failed", "killed"]


class TrackingError(CommandError):
    """The tracker is installed but could not be opened."""


@dataclass(frozen=True)
class Point:
    """One figure at one step.

    name: a path such as `finetuning/loss`; each has steps of its own. time: Unix seconds.
    """

    name: str
    value: float
    step: int
    time: float = field(default_factory=time.time)


class Tracker(Protocol):
    """One run that is being recorded. Methods raise whatever the library behind them raises.

    kind: which tracker it is. run: the id by which it is opened again, empty where it keeps none.
    """

    kind: str
    run: str

    def parameters(self, values: Mapping[str, str]) -> None:
        """What the run was asked for. The same again changes nothing."""
        ...

    def metrics(self, points: Sequence[Point]) -> None:
        """Figures, in the order of their steps."""
        ...

    def picture(self, path: Path) -> None:
        """An image file, shown among the run's plots."""
        ...

    def file(self, path: Path) -> None:
        """A file, kept under its own name."""
        ...

    def model(self, path: Path, name: str, *, register: bool) -> None:
        """A model's folder. register: also as the newest version of `name` in the tracker's model
        registry; it changes nothing where every logged model is a version anyway.
        """
        ...

    def finish(self, status: Status) -> None:
        """The run has ended; nothing is recorded after it."""
        ...


class Nothing:
    """Takes everything and keeps nothing."""

    kind = "none"
    run = ""

    def parameters(self, values: Mapping[str, str]) -> None: ...

    def metrics(self, points: Sequence[Point]) -> None: ...

    def picture(self, path: Path) -> None: ...

    def file(self, path: Path) -> None: ...

    def model(self, path: Path, name: str, *, register: bool) -> None: ...

    def finish(self, status: Status) -> None: ...
