"""A list of checks that goes on after failures, and always ends with the last."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Literal, TypeVar

from function.core.errors import EvergreenError
from scripts.common.errors import CommandError
from scripts.common.markdown import markdown_table

State = Literal["ok", "failed", "not run"]
MOST_CHARACTERS = 600  # of a reason in a table
Place = TypeVar("Place")


class CheckFailedError(CommandError):
    """Something that a check found not to hold."""


def require(holds: bool, what: str) -> None:
    """Raise CheckFailedError unless something holds; `what` is that in words."""
    if not holds:
        raise CheckFailedError(f"this does not hold: {what}")


@dataclass(frozen=True)
class Check(Generic[Place]):
    """One check. `run` returns what it found; `needs` are names of checks that it builds upon."""

    name: str
    run: Callable[[Place], str]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """Result of a check; `found` is what it found, or why it failed or was not run."""

    name: str
    state: State
    seconds: float
    found: str


def run_checks(
    place: Place,
    checks: Sequence[Check[Place]],
    last: Check[Place],
    report: Callable[[CheckResult], None] = lambda _: None,
) -> list[CheckResult]:
    """Run checks in order, and `last` in the end even if the others were interrupted."""
    results: list[CheckResult] = []

    def add(result: CheckResult) -> None:
        results.append(result)
        report(result)

    try:
        for check in checks:
            held = {each.name for each in results if each.state == "ok"}
            missing = [name for name in check.needs if name not in held]
            if missing:
                add(CheckResult(check.name, "not run", 0, f"needs: {', '.join(missing)}"))
            else:
                add(_run(place, check))
    finally:
        add(_run(place, last))
    return results


def summary(title: str, results: Sequence[CheckResult]) -> str:
    """Return the results as a Markdown page."""
    held = sum(each.state == "ok" for each in results)
    rows = [
        (
            each.name,
            f"**{each.state}**" if each.state != "ok" else "ok",
            f"{each.seconds:.0f}",
            _cell(each.found),
        )
        for each in results
    ]
    head = ("check", "result", "seconds", "found")
    return f"## {title}: {held} of {len(results)} hold\n\n{markdown_table(head, rows)}\n"


def document(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """Return the results as JSON."""
    return [asdict(each) for each in results]


def _run(place: Place, check: Check[Place]) -> CheckResult:
    began = time.monotonic()
    state: State = "ok"
    try:
        found = check.run(place)
    except Exception as error:  # whatever it is, the next check is run
        kind = "" if isinstance(error, EvergreenError) else f"{type(error).__name__}: "
        state, found = "failed", f"{kind}{error}"
    return CheckResult(check.name, state, round(time.monotonic() - began, 1), found)


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= MOST_CHARACTERS else f"...{line[-MOST_CHARACTERS:]}"
