"""Which windows are read next, and which of them together.

Every request has the same share of the model: of its windows, the first starts at the queue's
clock, and each other one the tokens of those before it later. The clock runs with the tokens read,
divided by the requests that wait (the virtual time of Parekh & Gallager 1993, "A Generalized
Processor Sharing Approach to Flow Control"). So a short text goes before the hundredth window of a
long one that came earlier, and that window goes before the short texts of later requests.
"""

from bisect import insort
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from function.core.tokenization import TokenIds

LOOKAHEAD = 1024  # windows among which a batch looks for others of its length

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(order=True)
class Waiting(Generic[Owner]):
    """A window in the queue. start: on the queue's clock. place: among its owner's windows."""

    start: float
    serial: int
    window: TokenIds = field(compare=False)
    owner: Owner = field(compare=False)
    place: int = field(compare=False)

    @property
    def tokens(self) -> int:
        return len(self.window)


class FairQueue(Generic[Owner]):
    """Windows that wait for the model, by the request that they belong to.

    call_tokens: what one call of the model costs beside its tokens, in tokens. A window joins a
    batch where the padding that this causes costs less than a call of its own.
    """

    def __init__(self, call_tokens: int) -> None:
        self._call_tokens = call_tokens
        self._waiting: list[Waiting[Owner]] = []
        self._owners: Counter[Owner] = Counter()
        self._clock, self._serial = 0.0, 0
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, owner: Owner, windows: Sequence[TokenIds]) -> None:
        """Add all windows of a request."""
        start = self._clock
        for place, window in enumerate(windows):
            self._serial += 1
            insort(self._waiting, Waiting(start, self._serial, window, owner, place))
            start += len(window)
            self.tokens += len(window)
        self._owners[owner] += len(windows)

    def take(self, budget: int) -> list[Waiting[Owner]]:
        """Remove the window whose turn it is and those that are best read with it, from short to
        long: at most `budget` padded tokens, unless the first alone has more. Empty where nothing
        waits."""
        if not self._waiting:
            return []
        batch = sorted(self._fitting(budget), key=lambda waiting: waiting.tokens)
        self._clock += sum(waiting.tokens for waiting in batch) / len(self._owners)
        self._remove(batch)
        return batch

    def discard(self, owner: Owner) -> None:
        """Remove what is left of a request."""
        if owner in self._owners:
            self._remove([waiting for waiting in self._waiting if waiting.owner == owner])

    def _fitting(self, budget: int) -> Iterator[Waiting[Owner]]:
        first = self._waiting[0]
        yield first
        longest, count = first.tokens, 1
        others = sorted(
            islice(self._waiting, 1, LOOKAHEAD),
            key=lambda waiting: abs(waiting.tokens - first.tokens),
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

    def _remove(self, removed: Sequence[Waiting[Owner]]) -> None:
        serials = {waiting.serial for waiting in removed}
        self._waiting = [waiting for waiting in self._waiting if waiting.serial not in serials]
        for waiting in removed:
            self.tokens -= waiting.tokens
            self._owners[waiting.owner] -= 1
            if not self._owners[waiting.owner]:
                del self._owners[waiting.owner]
