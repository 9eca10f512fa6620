"""Section 3: texts a second under load, beside what the session alone does on the same texts."""

import statistics
from collections.abc import Sequence

from scripts.benchmarking.latency import ask
from scripts.benchmarking.plan import Plan, Subject
from scripts.benchmarking.processes import Running, work
from scripts.training.progress import Progress

SERVER = "our server"
BASELINE = "plain transformers pipeline behind FastAPI"

Rates = dict[str, float]


def measure(
    subject: Subject, plan: Plan, texts: Sequence[str], ours: Running, baseline: Running
) -> tuple[dict[str, Rates], Rates]:
    """Both servers' rates by clients, and the session's by texts in a batch.

    Medians over rounds, in which all take turns.
    """
    alone: dict[str, list[float]] = {}
    measured: dict[str, dict[str, list[float]]] = {SERVER: {}, BASELINE: {}}
    with Progress("throughput, cells", plan.rounds * (1 + 2 * len(plan.clients))) as progress:
        for _ in range(plan.rounds):
            for batch, rate in _backend(subject, plan, texts).items():
                alone.setdefault(batch, []).append(rate)
            progress.advance(1)
            for clients in plan.clients:
                for row, running in ((SERVER, ours), (BASELINE, baseline)):
                    answered, seconds = ask(running, texts, clients=clients, seconds=plan.seconds)
                    rates = measured[row].setdefault(str(clients), [])
                    rates.append(len(answered) / seconds)
                    progress.advance(1)
    return {row: _medians(columns) for row, columns in measured.items()}, _medians(alone)


def _medians(measured: dict[str, list[float]]) -> Rates:
    return {column: statistics.median(rates) for column, rates in measured.items()}


def _backend(subject: Subject, plan: Plan, texts: Sequence[str]) -> Rates:
    job = {
        "model": str(subject.model),
        "threads": subject.settings.threads,
        "texts": texts,
        "batches": plan.batches,
    }
    rates: Rates = work("scripts.benchmarking.backend_alone", job, {})
    return rates
