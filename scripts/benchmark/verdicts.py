"""Which figures of a run are held against which promise."""

from collections.abc import Mapping, Sequence

from scripts.benchmark import budgets, first_answer, footprint, latency
from scripts.benchmark.bulk import Bulk
from scripts.benchmark.figures import Latency, Spread
from scripts.benchmark.installed import Installed
from scripts.benchmark.plan import BUDGET_CLIENTS, REVIEW, Plan
from scripts.benchmark.rounds import Round, beside_backend, beside_pipeline, spread
from scripts.benchmark.signals import Signals


def of(
    plan: Plan,
    starts: Mapping[str, Spread],
    answers: Mapping[str, Mapping[str, Latency]],
    rounds: Sequence[Round],
    peaks: Mapping[str, int],
    sizes: Installed,
    told: Mapping[str, Signals],
    in_bulk: Bulk,
) -> list[budgets.Verdict]:
    """All of them. The Lambda starts in a fresh Python process: the emulator's row carries a
    runtime client too."""
    handlers = [row for row in (footprint.HANDLER, footprint.EMULATED) if row in peaks]
    return [
        *budgets.first_answer(
            starts[first_answer.HANDLER].median,
            starts[first_answer.BARE].median,
            starts[first_answer.PIPELINE].median,
        ),
        budgets.warm_answer(
            answers[latency.HANDLER][REVIEW].p50, answers[latency.SESSION][REVIEW].p50
        ),
        budgets.throughput(spread(rounds, BUDGET_CLIENTS, beside_backend), BUDGET_CLIENTS),
        budgets.beside_pipeline(
            {clients: spread(rounds, clients, beside_pipeline) for clients in plan.clients}
        ),
        budgets.peak_memory(max(peaks[row] for row in handlers)),
        budgets.installed(sizes.ours),
        budgets.signals(told[REVIEW].added, told[REVIEW].cost),
        budgets.bulk(in_bulk.shares),
    ]
