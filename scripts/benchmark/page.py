"""The page: one run as Markdown."""

from scripts.benchmark import gpu_page, load_page, tables
from scripts.benchmark.budgets import MEGABYTE
from scripts.benchmark.results import Results
from scripts.benchmark.rounds import elsewhere

BUSY = 0.1  # the share of all cores that something else may take
INTRODUCTION = """\
Written by a command, not by hand: ours beside a plain `transformers` pipeline that serves the same
weights in full precision, on CPU, behind the shortest FastAPI application there is.

**Read ratios, not times.** All of a page is one run on one machine, in which both sides took turns;
another machine has other times. Only what a GPU did may come from elsewhere, and then says so.
Files lie in the page cache and are compiled to bytecode, as on a second start: pulling an image and
reading it from a disk are not in these figures."""


def render(results: Results) -> str:
    """Markdown, with a line break at its end."""
    parts = [
        "# Benchmarks",
        INTRODUCTION,
        *_quick(results),
        f"    {results.command}",
        "## Budgets",
        tables.verdicts(results.budgets),
        "## Machine",
        tables.machine(results),
        "## Process start to first answer",
        "Seconds, each time in a fresh process. A server has answered with its first 200.",
        tables.first_answers(results),
        "## Warm answers",
        _lengths(results),
        tables.latencies(results),
        "## Signals",
        "Through our Lambda handler's application, in process: with every signal and the "
        "prediction log, and with none of them, answer by answer in turn. The lines go nowhere; a "
        "process that reads them on the same cores takes its own time, once a request.",
        tables.signals(results),
        "## Load",
        *load_page.section(results),
        "## A file in bulk",
        f"`scripts.score` on a Parquet file of {results.bulk.rows:,} of these texts: reading, "
        "scoring on all cores, keeping what is done. The session alone, in what was its fastest "
        "batch above, reads half of the texts before and half after. Loading the model is left "
        "out on both sides.",
        tables.bulk(results.bulk),
        "## On a GPU",
        *gpu_page.section(results.gpu),
        "## Peak memory",
        f"Resident, 1 MB being 1,000,000 bytes. The handler answered "
        f"{results.plan.memory_requests} texts of review length.",
        tables.memory(results),
        "## Installed size",
        tables.installed(results),
        "## Models",
        _models(results),
        tables.models(results.models),
    ]
    return "\n\n".join(parts) + "\n"


def _quick(results: Results) -> list[str]:
    if results.quick:
        return ["**A quick run, which shows that everything runs: draw no conclusion from it.**"]
    busy = elsewhere(results.throughput.rounds).median
    if results.machine.busy > results.machine.cores / 2 or busy > BUSY * results.machine.cores:
        return ["**The machine was not idle while this run was made: trust its ratios less.**"]
    return []


def _models(results: Results) -> str:
    return (
        "Every model that was pulled, through one handler in one process, in turn. A long text is "
        "read whole, in windows, as each artifact says. Peaks are of fresh processes that answered "
        f"{results.plan.memory_requests} texts of review length with one model; one that answered "
        f"with all of them held {results.models.together / MEGABYTE:.1f} MB at most."
    )


def _lengths(results: Results) -> str:
    return (
        f"Milliseconds, one at a time: a short text of {results.tokens['short']:.0f} tokens, and "
        f"texts of a review's length, {results.tokens['review']:.0f} tokens."
    )
