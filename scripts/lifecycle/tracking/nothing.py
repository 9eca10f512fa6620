"""No tracker: a run is recorded in its own folder alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.lifecycle.tracking.tracker import Point, Status


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
