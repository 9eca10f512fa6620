"""The page's section on a GPU."""

from scripts.benchmark import gpu_results, tables
from scripts.benchmark.gpu_results import GpuResults

FILE = "docs/benchmarks-gpu.json"

OPEN = """\
**Open: no GPU was in reach.** Not known are texts and tokens a second, the share of the card's
bfloat16 matrix rate, whether our server keeps ≥ 80 % of the raw model, and whether it is ≥ 5 × a
pipeline at its best batch size. On a machine with an NVIDIA GPU this installs a build of torch
for its driver, pulls the models and measures them:

    make benchmark-gpu DATA=FOLDER    # with imdb/test.parquet in it; made-up texts without DATA
    make benchmark                    # shows it here"""


def section(results: GpuResults | None) -> list[str]:
    """Paragraphs and tables, or what is open and how to know it."""
    if results is None:
        return [OPEN]
    plan, rounds = results.plan, results.rounds
    best = gpu_results.best(rounds, gpu_results.pipeline)
    return [
        *["**A quick run, which shows that everything runs: draw no conclusion from it.**"]
        * results.quick,
        "A run of its own, on the machine of the table below:",
        f"    {results.command}",
        tables.verdicts(results.budgets),
        _card(results),
        f"{results.texts}; {results.tokens:.0f} tokens on average. Medians of {plan.rounds} "
        f"rounds. The raw model is the torch backend in {results.precision}, over tokens that lie "
        "ready in memory, sorted by length, in batches of at most so many tokens, padding "
        "included. Operations are those of matrix products over real tokens, counted from the "
        "model's shapes: 8nh² + 4n²h + 4nhf a layer for n tokens, width h and inner width f (after "
        "Narayanan et al. 2021). The card's own rate is that of products of two bfloat16 matrices "
        f"of {plan.matrix} rows.",
        _raw(results),
        "Our server over the same model, asked over HTTP on loopback, tokenising included:",
        _server(results),
        "The pipeline in one process, given all texts at once, sorted by length, tokenising "
        f"included; in its best case, {best}:",
        tables.table(
            ("batches of", "texts a second"),
            (
                (batch, f"{rate:.0f}")
                for batch, rate in gpu_results.medians(rounds, gpu_results.pipeline).items()
            ),
        ),
    ]


def _card(results: GpuResults) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.machine.versions.items())
    return tables.table(
        ("", ""),
        (
            ("card", results.card),
            ("its bfloat16 matrix rate", f"{results.matrix_rate / 1e12:.3g} TFLOP/s"),
            ("CPU", f"{results.machine.cpu}, {results.machine.cores} cores"),
            ("date", results.machine.date),
            ("commit", results.machine.commit),
            ("model", results.model),
            ("versions", versions),
        ),
    )


def _raw(results: GpuResults) -> str:
    return tables.table(
        ("the raw model, batches of", "texts a second", "tokens a second", "of the matrix rate"),
        (
            (
                batch,
                f"{rate:.0f}",
                f"{rate * results.tokens:.0f}",
                f"{100 * rate * results.flops / results.matrix_rate:.1f} %",
            )
            for batch, rate in gpu_results.medians(results.rounds, gpu_results.raw).items()
        ),
    )


def _server(results: GpuResults) -> str:
    latencies = {
        load: [f"{value:.0f}" for value in gpu_results.milliseconds(results.rounds, load)]
        for load in results.rounds[0].server
    }
    rates = gpu_results.medians(results.rounds, gpu_results.server)
    return tables.table(
        ("load", "texts a second", "tokens a second", "p50, ms", "p95, ms", "p99, ms"),
        (
            (load, f"{rate:.0f}", f"{rate * results.tokens:.0f}", *latencies[load])
            for load, rate in rates.items()
        ),
    )
