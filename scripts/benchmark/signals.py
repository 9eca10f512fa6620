"""Section 6: what an answer costs more for all that is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scripts.benchmark.figures import Latency
from scripts.benchmark.plan import Plan, Subject
from scripts.benchmark.processes import work

WARM_UP = 50  # answers of each side


@dataclass(frozen=True)
class Signals:
    """Milliseconds of one length: with every signal and the prediction log, and with none.

    paired: the median of what the first of two neighbouring answers took longer than the second.
    """

    told: Latency
    silent: Latency
    paired: float

    @property
    def added(self) -> float:
        """What is added to the median, which is what is promised; below 0 by chance."""
        return self.told.p50 - self.silent.p50

    @property
    def cost(self) -> float:
        """The same as a share."""
        return self.added / self.silent.p50


def measure(
    subject: Subject, plan: Plan, lengths: Mapping[str, Sequence[str]]
) -> dict[str, Signals]:
    """By length. Both sides take turns answer by answer."""
    found = {}
    for length, texts in lengths.items():
        job = {"texts": list(texts), "count": plan.signal_pairs, "warm_up": WARM_UP}
        pairs = work("scripts.benchmark.warm_signals", job, subject.environment())
        told, silent = pairs["told"], pairs["silent"]
        paired = median(more - less for more, less in zip(told, silent, strict=True))
        found[length] = Signals(Latency.of(told), Latency.of(silent), paired)
    return found
