"""One line of the doctor's: what was looked at, and how to mend it."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from function.core.errors import EvergreenError

State = Literal["ok", "note", "unknown", "bad"]


class Finding(NamedTuple):
    """state: `bad` stops a deployment or undoes one, `note` may, `unknown` could not be seen.

    mend: what to do, empty where nothing is.
    """

    state: State
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.state:8}{self.what}" + (f"\n        -> {self.mend}" if self.mend else "")


Findings = Iterator[Finding]


def look(check: Callable[[], Findings], what: str) -> Findings:
    """A check's findings; what it could not see is one, too. what: it looks at."""
    try:
        yield from check()
    except EvergreenError as error:
        said = " ".join(str(error).split())  # some services answer with a page
        yield Finding(
            "unknown",
            f"{what}: {said}",
            "see that it can be reached and lets you ask, then look again",
        )
