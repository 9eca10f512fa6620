"""The results of a soak, as text and JSON, and what went wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from scripts.common.command_line import table
from tests.soak.drain import Drained
from tests.soak.watch import FLAT, Sample, growth, leaked

MEGABYTE = 1_000_000
SPARE = 4  # descriptors that a server may open for good


@dataclass(frozen=True)
class RequestStats:
    """Requests of one kind. Percentiles: milliseconds. errors: how often, by message."""

    count: int
    failures: int
    p50: float
    p95: float
    p99: float
    errors: Mapping[str, int]


@dataclass(frozen=True)
class SoakResults:
    """All results.

    seconds: of load. requests: by kind. samples: of the server's process. failed_batches: by the
    server's own count. drained: its end on SIGTERM.
    """

    seconds: float
    requests: Mapping[str, RequestStats]
    samples: Sequence[Sample]
    failed_batches: int
    drained: Drained

    def as_json(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    def failures(self) -> list[str]:
        """Return what went wrong; empty where nothing did."""
        found = [
            f"{kind.failures} of {kind.count} went wrong of: {name}"
            for name, kind in self.requests.items()
            if kind.failures
        ]
        if growth(self.samples, self.seconds)[1] > FLAT:
            found.append("memory grows")
        if leaked(self.samples) > SPARE:
            found.append(f"{leaked(self.samples)} descriptors stay open")
        if self.failed_batches:
            found.append(f"{self.failed_batches} batches failed")
        if not self.drained.asked:
            found.append("nothing was under way on SIGTERM")
        if lost := self.drained.asked - self.drained.answered:
            found.append(f"{lost} requests under way got no answer on SIGTERM")
        if self.drained.code != 0:
            found.append(f"on SIGTERM it ended {self._ending()}")
        return found

    def render(self) -> str:
        """Return a table of the requests, the growth of memory, and the end on SIGTERM."""
        slope, share = growth(self.samples, self.seconds)
        memory = ", ".join(f"{each.memory / MEGABYTE:.1f}" for each in self._shown())
        rows = [
            (name, kind.count, kind.failures, *(f"{p:.0f}" for p in (kind.p50, kind.p95, kind.p99)))
            for name, kind in self.requests.items()
        ]
        return "\n\n".join(
            [
                f"{sum(kind.count for kind in self.requests.values())} requests in "
                f"{self.seconds:.0f} s, their percentiles in milliseconds:",
                table(("requests", "count", "failures", "p50", "p95", "p99"), rows),
                *(
                    f"{name}: {n} x {message}"
                    for name, kind in self.requests.items()
                    for message, n in kind.errors.items()
                ),
                f"Memory over the time: {memory} MB. In the second half it changes by "
                f"{slope / MEGABYTE:+.2f} MB a minute, {100 * share:+.1f} % in all; flat is at "
                f"most {100 * FLAT:.0f} %.",
                f"On SIGTERM {self.drained.asked} requests were under way: "
                f"{self.drained.answered} were answered, and it ended {self._ending()}.",
            ]
        )

    def _shown(self) -> list[Sample]:
        step = max(1, len(self.samples) // 10)
        return [*self.samples[:-1:step], self.samples[-1]]

    def _ending(self) -> str:
        if self.drained.code is None:
            return f"not within {self.drained.seconds:.0f} s"
        return f"after {self.drained.seconds:.1f} s with {self.drained.code}"
