"""The steps of a rehearsal: commands, durations and assertions, printed as they happen."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from function.core.errors import EvergreenError
from scripts.common.errors import CommandError


class RehearsalError(CommandError):
    """Failure of a step, which the message names."""


@dataclass
class Step:
    """One step. commands: each with its seconds. asserted: assertions that held, in words."""

    name: str
    seconds: float = 0
    commands: list[tuple[str, float]] = field(default_factory=list)
    asserted: list[str] = field(default_factory=list)

    def check(self, holds: bool, what: str) -> None:
        """Assert something. what: the assertion in words. Raises RehearsalError."""
        if not holds:
            raise RehearsalError(f"this does not hold: {what}")
        self.asserted.append(what)
        _print(f"          holds: {what}")

    def ran(self, command: str, seconds: float, code: int) -> None:
        """Record a command that ended. code: its exit code."""
        self.commands.append((command, round(seconds, 1)))
        _print(f"{seconds:7.1f} s  {command}" + f" (exit code {code})" * bool(code))


class Timeline:
    """Steps, in their order."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Run a step. An error in it is raised as a RehearsalError that names the step."""
        step = Step(name)
        self.steps.append(step)
        _print(f"\n{self.seconds:5.0f} s  {len(self.steps)}. {name}")
        began = time.monotonic()
        try:
            yield step
        except Exception as error:
            kind = "" if isinstance(error, EvergreenError) else f"{type(error).__name__}: "
            raise RehearsalError(f"step {len(self.steps)}, '{name}': {kind}{error}") from error
        finally:
            step.seconds = round(time.monotonic() - began, 1)

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def document(self) -> dict[str, Any]:
        """Return the timeline as JSON."""
        return {"seconds": round(self.seconds, 1), "steps": [asdict(step) for step in self.steps]}


def _print(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
