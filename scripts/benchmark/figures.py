"""Many measurements to a few figures."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two nearest ranks, in a straight line; of no values, an error."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one quantity, in its unit."""

    median: float
    minimum: float
    maximum: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Latency:
    """Milliseconds that answers took."""

    p50: float
    p95: float
    p99: float
    count: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Self:
        p50, p95, p99 = (percentile(milliseconds, percent) for percent in (50, 95, 99))
        return cls(p50, p95, p99, len(milliseconds))
