"""The tables of what load did, in Markdown."""

from collections.abc import Callable, Mapping
from operator import attrgetter

from scripts.benchmark import rounds, throughput
from scripts.benchmark.cells import Cell
from scripts.benchmark.figures import Spread
from scripts.benchmark.results import Results
from scripts.benchmark.rounds import Round
from scripts.benchmark.tables import table

Figure = Callable[[Round], float | None]

SIDES: dict[str, Callable[[Round], Cell | None]] = {
    throughput.SERVER: attrgetter("ours"),
    throughput.BASELINE: attrgetter("pipeline"),
}
RATES: dict[str, Figure] = {
    throughput.SERVER: rounds.our_rate,
    throughput.BASELINE: rounds.pipeline_rate,
    throughput.BACKEND: rounds.backend_rate,
}
RATIOS: dict[str, Figure] = {
    "our server beside the backend alone": rounds.beside_backend,
    "our server beside the pipeline's": rounds.beside_pipeline,
}


def rates(results: Results) -> str:
    """Texts a second, by clients: medians of the rounds."""
    return _by_clients(results, RATES, lambda found: f"{found.median:.1f}")


def ratios(results: Results) -> str:
    """Of each round on its own: their median, the least and the most."""
    return _by_clients(
        results,
        RATIOS,
        lambda found: f"{found.median:.2f} ({found.minimum:.2f}–{found.maximum:.2f})",
    )


def latencies(results: Results) -> str:
    """Milliseconds that clients waited."""
    rows = []
    for clients in results.plan.clients:
        for side, cell in SIDES.items():
            found = rounds.latency(results.throughput.rounds, clients, cell)
            shown = (f"{value:.0f}" for value in (found.p50, found.p95, found.p99))
            rows.append((f"{_clients(clients)}, {side}", *shown, str(found.count)))
    return table(("who asks whom", "p50", "p95", "p99", "answers"), rows)


def alone(found: Mapping[str, float]) -> str:
    """Texts a second without HTTP, by batch."""
    return table(
        ("batches of", "texts a second"),
        ((batch, f"{rate:.1f}") for batch, rate in found.items()),
    )


def _by_clients(results: Results, rows: Mapping[str, Figure], show: Callable[[Spread], str]) -> str:
    found, levels = results.throughput.rounds, results.plan.clients
    return table(
        ("what", *map(_clients, levels)),
        (
            (row, *(show(rounds.spread(found, clients, figure)) for clients in levels))
            for row, figure in rows.items()
        ),
    )


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count != 1)}"
