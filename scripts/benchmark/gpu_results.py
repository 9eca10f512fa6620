"""What a run on a GPU found, and what follows from it."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scripts.benchmark.budgets import Verdict
from scripts.benchmark.cells import Cell
from scripts.benchmark.figures import Latency
from scripts.benchmark.gpu_plan import GpuPlan
from scripts.benchmark.machine import Machine


@dataclass(frozen=True)
class GpuRound:
    """One after the other on one card: texts a second of the raw model and of the pipeline, by
    batch; our server, by load."""

    raw: dict[str, float]
    server: dict[str, Cell]
    pipeline: dict[str, float]


@dataclass(frozen=True)
class GpuResults:
    """card: what torch ran on. matrix_rate: operations a second of its bfloat16 products.

    precision: the type that our model computed in. tokens, flops: of a text on average. rounds:
    all of them.
    """

    machine: Machine
    card: str
    plan: GpuPlan
    quick: bool
    command: str
    model: str
    texts: str
    matrix_rate: float
    precision: str
    tokens: float
    flops: float
    rounds: list[GpuRound]
    budgets: list[Verdict]


Figures = Callable[[GpuRound], Mapping[str, float]]


def raw(found: GpuRound) -> Mapping[str, float]:
    """Texts a second of the raw model."""
    return found.raw


def pipeline(found: GpuRound) -> Mapping[str, float]:
    """Texts a second of the pipeline."""
    return found.pipeline


def server(found: GpuRound) -> Mapping[str, float]:
    """Texts a second of our server."""
    return {load: cell.texts_per_second for load, cell in found.server.items()}


def medians(rounds: Sequence[GpuRound], figures: Figures) -> dict[str, float]:
    """Of the rounds, by batch or load."""
    return {
        name: statistics.median(figures(found)[name] for found in rounds)
        for name in figures(rounds[0])
    }


def best(rounds: Sequence[GpuRound], figures: Figures) -> str:
    """The batch or load that was fastest."""
    found = medians(rounds, figures)
    return max(found, key=found.__getitem__)


def ratios(rounds: Sequence[GpuRound], above: Figures, below: Figures) -> list[float]:
    """Of each round: one side at its best over another at its best."""
    ours, theirs = best(rounds, above), best(rounds, below)
    return [above(found)[ours] / below(found)[theirs] for found in rounds]


def milliseconds(rounds: Sequence[GpuRound], load: str) -> tuple[float, float, float]:
    """p50, p95 and p99 of all answers under a load."""
    found = Latency.of([one for turn in rounds for one in turn.server[load].milliseconds])
    return found.p50, found.p95, found.p99
