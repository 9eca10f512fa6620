"""The result of one check of the doctor."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

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


def run_check(check: Callable[[], CheckResults], name: str) -> CheckResults:
    """Yield a check's results, and one of state `unknown` where it fails."""
    try:
        yield from check()
    except EvergreenError as error:
        message = " ".join(str(error).split())  # some services answer with a page
        yield CheckResult(
            "unknown",
            f"{name}: {message}",
            "see that it can be reached and lets you ask, then check again",
        )
