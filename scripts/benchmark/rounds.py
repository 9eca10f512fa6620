"""What the rounds of load found, and what follows from them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scripts.benchmark.cells import Cell
from scripts.benchmark.figures import Latency, Spread


@dataclass(frozen=True)
class Round:
    """One after the other on one machine, at one level of load.

    backend: texts a second of the session alone, in its best batches. pipeline: None where it had
    no turn.
    """

    clients: int
    backend: float
    ours: Cell
    pipeline: Cell | None


def our_rate(found: Round) -> float:
    """Texts a second of our server."""
    return found.ours.texts_per_second


def pipeline_rate(found: Round) -> float | None:
    """Texts a second of the pipeline's server."""
    return found.pipeline.texts_per_second if found.pipeline else None


def backend_rate(found: Round) -> float:
    """Texts a second of the session alone."""
    return found.backend


def beside_backend(found: Round) -> float:
    """Our server over the session alone."""
    return found.ours.texts_per_second / found.backend


def beside_pipeline(found: Round) -> float | None:
    """Our server over the pipeline's."""
    theirs = pipeline_rate(found)
    return found.ours.texts_per_second / theirs if theirs else None


def spread(
    rounds: Iterable[Round], clients: int, figure: Callable[[Round], float | None]
) -> Spread:
    """A figure of every round at a level.

    For ratios above all: a machine's speed drifts from round to round, and less within one.
    """
    found = (figure(one) for one in rounds if one.clients == clients)
    return Spread.of([value for value in found if value is not None])


def latency(rounds: Iterable[Round], clients: int, side: Callable[[Round], Cell | None]) -> Latency:
    """Of all answers that a side gave at a level."""
    cells = (side(one) for one in rounds if one.clients == clients)
    return Latency.of([one for cell in cells if cell for one in cell.milliseconds])


def elsewhere(rounds: Iterable[Round]) -> Spread:
    """Cores that other processes took while load was measured."""
    return Spread.of(
        [cell.elsewhere for one in rounds for cell in (one.ours, one.pipeline) if cell]
    )


def generator_share(rounds: Iterable[Round]) -> float:
    """The most of a core that the load generator ever took."""
    return max(cell.generator for one in rounds for cell in (one.ours, one.pipeline) if cell)
