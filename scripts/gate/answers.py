"""What an artifact answered on a golden set, as the gate sees it, whatever the task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from scripts.evaluate.paired import Right
from scripts.gate.judgement import Finding
from scripts.gate.settings import GateSettings

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Some rows of a golden set, and whether each was answered rightly in what the part is about.
    Both are (rows,) of the whole set.
    """

    rows: Mask
    right: Right


@dataclass(frozen=True)
class ShownAnswer:
    """One row in words. score: of the answer; None where it has none."""

    truth: str
    answer: str
    score: float | None


class Answers(Protocol):
    """Answers beside the truth, in the order of the golden set."""

    @property
    def measure(self) -> str:
        """What the share of right answers is called."""
        ...

    @property
    def right(self) -> Right:
        """(rows,) whether each text was answered rightly."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """As a manifest records them; `calibration_error` is one."""
        ...

    @property
    def scored(self) -> int:
        """How many answers with a score the calibration error is measured on."""
        ...

    @property
    def support(self) -> npt.NDArray[np.float64]:
        """(rows,) how much each answer speaks for the truth, in [0, 1]."""
        ...

    def parts(self) -> dict[str, Part]:
        """The parts of the golden set that this task knows, by name."""
        ...

    def show(self, row: int) -> ShownAnswer:
        """One row for people to read."""
        ...

    def judge(self, champion: Self | None, settings: GateSettings) -> list[Finding]:
        """What this task asks beyond `right`, beside the champion or, without one, of a first."""
        ...
