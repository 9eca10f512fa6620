"""Fair queue of windows: picks the windows that run next, and those that run together.

Every request has the same share of the model. A request's first window starts at the queue's
virtual time, and each further one starts as many tokens later as the windows before it hold.
Virtual time advances by the tokens run, divided by the number of waiting requests (Parekh &
Gallager 1993, "A Generalized Processor Sharing Approach to Flow Control"). So a short text runs
before the hundredth window of a long one that came earlier, and that window runs before the short
texts of later requests.
"""

from bisect import insort
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from function.core.tokenization import TokenIds

LOOKAHEAD = 1024  # windows among which a batch searches for others of its length

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(order=True)
class QueuedWindow(Generic[Owner]):
    """Window in the queue.

    Attributes:
        start: Virtual time at which its turn comes.
        serial: Arrival number, which orders windows of equal start.
        window: Token ids.
        index: Index among the windows of its owner.
    """

    start: float
    serial: int
    window: TokenIds = field(compare=False)
    owner: Owner = field(compare=False)
    index: int = field(compare=False)

    @property
    def tokens(self) -> int:
        return len(self.window)


class FairQueue(Generic[Owner]):
    """Windows that wait for the model, by request; `tokens` counts all of theirs."""

    def __init__(self, call_tokens: int) -> None:
        """Create an empty queue; `call_tokens` is the fixed cost of one model call, in tokens.

        A window joins a batch if the padding that this causes costs less than that.
        """
        self._call_tokens = call_tokens
        self._waiting: list[QueuedWindow[Owner]] = []
        self._owners: Counter[Owner] = Counter()
        self._virtual_time, self._serial = 0.0, 0
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, owner: Owner, windows: Sequence[TokenIds]) -> None:
        """Add all windows of a request."""
        start = self._virtual_time
        for index, window in enumerate(windows):
            self._serial += 1
            insort(self._waiting, QueuedWindow(start, self._serial, window, owner, index))
            start += len(window)
            self.tokens += len(window)
        self._owners[owner] += len(windows)

    def take(self, budget: int) -> list[QueuedWindow[Owner]]:
        """Remove the window whose turn it is, and those that best run with it, from short to long.

        `budget` limits the padded tokens of the batch; a longer first window runs alone. An empty
        queue gives no windows.
        """
        if not self._waiting:
            return []
        batch = sorted(self._fitting(budget), key=lambda entry: entry.tokens)
        self._virtual_time += sum(entry.tokens for entry in batch) / len(self._owners)
        self._remove(batch)
        return batch

    def discard(self, owner: Owner) -> None:
        """Remove the waiting windows of a request."""
        if owner in self._owners:
            self._remove([entry for entry in self._waiting if entry.owner == owner])

    def _fitting(self, budget: int) -> Iterator[QueuedWindow[Owner]]:
        first = self._waiting[0]
        yield first
        longest, count = first.tokens, 1
        others = sorted(
            islice(self._waiting, 1, LOOKAHEAD),
            key=lambda entry: abs(entry.tokens - first.tokens),
        )
        for other in others:
            stretched = max(longest, other.tokens)
            padded = stretched * (count + 1)
            alone = other.tokens + self._call_tokens
            if padded <= budget and padded - longest * count <= alone:
                yield other
                longest, count = stretched, count + 1
            elif longest * (count + 1) > budget:
                return

    def _remove(self, removed: Sequence[QueuedWindow[Owner]]) -> None:
        serials = {entry.serial for entry in removed}
        self._waiting = [entry for entry in self._waiting if entry.serial not in serials]
        for entry in removed:
            self.tokens -= entry.tokens
            self._owners[entry.owner] -= 1
            if not self._owners[entry.owner]:
                del self._owners[entry.owner]
