"""Where texts are scored: here, by a service, or by a deployed state machine."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from scripts.scoring.outcomes import Outcome
from scripts.scoring.rows import Row

Advance = Callable[[int], None]


class Scorer(Protocol):
    """What turns rows into outcomes."""

    @property
    def rows_at_once(self) -> int:
        """That are scored together: of so many at most a killed run does some again."""
        ...

    @property
    def identity(self) -> dict[str, str]:
        """What has to be the same when a killed run goes on."""
        ...

    def score(self, rows: Iterator[Row], run: str, advance: Advance) -> Iterator[Sequence[Outcome]]:
        """The outcomes of `rows_at_once` rows at a time, in order.

        run: the run's own name, the same when it goes on. advance: told how many more rows are
        done. Raises CommandError where nothing more can be scored.
        """
        ...
