"""The result of one check of the doctor."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from function.core.errors import EvergreenError

CheckState = Literal["ok", "note", "unknown", "bad"]


class CheckResult(NamedTuple):
    """One line of the doctor's.

    state: `bad` stops or reverts a deployment, `note` may, `unknown` could not be checked. fix:
    what to do, empty where there is nothing to do.
    """

    state: CheckState
    summary: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:8}{self.summary}" + (f"\n        -> {self.fix}" if self.fix else "")


CheckResults = Iterator[CheckResult]


def ok(summary: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult("ok", summary)


def note(summary: str, fix: str) -> CheckResult:
    """Return a result that may stop or revert a deployment."""
    return CheckResult("note", summary, fix)


def bad(summary: str, fix: str) -> CheckResult:
    """Return a result that stops or reverts a deployment."""
    return CheckResult("bad", summary, fix)


def run_check(name: str, check: Callable[..., CheckResults], *arguments: Any) -> CheckResults:
    """Yield the results of a check with arguments, and one of state `unknown` where it fails."""
    try:
        yield from check(*arguments)
    except EvergreenError as error:
        message = " ".join(str(error).split())  # some services answer with a page
        yield CheckResult(
            "unknown",
            f"{name}: {message}",
            "see that it can be reached and lets you ask, then check again",
        )
