"""The tables of the page."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import median
from typing import TypeVar

from scripts.benchmark import figures, throughput
from scripts.benchmark.budgets import MEGABYTE
from scripts.benchmark.machine import Machine
from scripts.benchmark.plan import BUDGET_CLIENTS
from scripts.benchmark.results import GpuResults, Results, Verdict
from scripts.common.markdown import table_of_lines

Item = TypeVar("Item")
Rows = Mapping[str, Callable[[figures.LoadRound], float | None]]
SIDES: dict[str, Callable[[figures.LoadRound], figures.LoadRun | None]] = {
    throughput.SERVER: lambda found: found.ours,
    throughput.BASELINE: lambda found: found.pipeline,
}
RATES: Rows = {
    throughput.SERVER: lambda found: found.ours.texts_per_second,
    throughput.BASELINE: lambda found: found.pipeline.texts_per_second if found.pipeline else None,
    throughput.BACKEND: lambda found: found.backend,
}
RATIOS: Rows = {
    "our server compared with the backend alone": lambda found: found.over_backend,
    "our server compared with the pipeline's": lambda found: found.over_pipeline,
}


_table = partial(table_of_lines, figures=True)


def _by_name(header: str, rows: Mapping[str, Item], show: Callable[[Item], str] = str) -> str:
    """Return a table with the names in its first column."""
    return _table(header, (f"{name} | {show(each)}" for name, each in rows.items()))


def verdicts(found: Iterable[Verdict]) -> str:
    return _table(
        "what | measured | budget | verdict",
        (
            f"{each.budget} | {each.measured} | {each.limit} | {'PASS' if each.passed else 'FAIL'}"
            for each in found
        ),
    )


def machine(results: Results) -> str:
    found = results.machine
    return _by_name(
        " | ",
        {
            "CPU": found.cpu,
            "cores": found.cores,
            "memory": f"{found.memory_gb} GB",
            "system": found.system,
            "load when the run began": found.busy,
            "date": found.date,
            "commit": found.commit,
            "model": results.model,
            "versions": _versions(found),
            "largest difference of a probability": f"{results.agreement:.4f}",
        },
    )


def gpu_machine(results: GpuResults) -> str:
    found = results.machine
    return _by_name(
        " | ",
        {
            "card": results.card,
            "its bfloat16 matrix rate": f"{results.matrix_rate / 1e12:.3g} TFLOP/s",
            "CPU": f"{found.cpu}, {found.cores} cores",
            "date": found.date,
            "commit": found.commit,
            "model": results.model,
            "versions": _versions(found),
        },
    )


def _versions(found: Machine) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.versions.items())


def first_answers(found: Mapping[str, figures.Spread]) -> str:
    bare = next(iter(found.values())).median
    return _by_name(
        "what | median | fastest | starts | × bare script",
        found,
        lambda each: (
            f"{each.median:.2f} s | {each.minimum:.2f} s | {each.count} | {each.median / bare:.2f}"
        ),
    )


def cold_starts(found: figures.ColdImage) -> str:
    return _by_name(
        "what | read | files | chunks | seconds",
        found.starts,
        lambda each: f"{megabytes(each.bytes)} | {each.files} | {each.chunks} | {each.seconds:.2f}",
    )


def latencies(found: Mapping[str, Mapping[str, figures.Latency]]) -> str:
    lengths = next(iter(found.values()))
    return _by_name(
        "what" + "".join(f" | {length}, p50 | {length}, p99" for length in lengths),
        found,
        lambda at: " | ".join(f"{each.p50:.2f} | {each.p99:.2f}" for each in at.values()),
    )


def signals(found: Mapping[str, figures.Signals]) -> str:
    return _by_name(
        "text | signals off, p50 | signals on, p50 | added, median of pairs | pairs",
        found,
        lambda each: (
            f"{each.silent.p50:.2f} ms | {each.logged.p50:.2f} ms | {each.paired:.2f} ms, "
            f"{100 * each.paired / each.silent.p50:+.1f} % | {each.logged.count}"
        ),
    )


def rates(results: Results) -> str:
    return _by_clients(results, RATES, lambda found: f"{found.median:.1f}")


def ratios(results: Results) -> str:
    def show(found: figures.Spread) -> str:
        return f"{found.median:.2f} ({found.minimum:.2f}–{found.maximum:.2f})"

    return _by_clients(results, RATIOS, show)


def _by_clients(results: Results, rows: Rows, show: Callable[[figures.Spread], str]) -> str:
    load, levels = results.throughput, results.plan.clients
    return _by_name(
        " | ".join(["what", *map(_clients, levels)]),
        rows,
        lambda figure: " | ".join(show(load.spread(clients, figure)) for clients in levels),
    )


def waits(results: Results) -> str:
    waited = {
        f"{_clients(clients)}, {side}": results.throughput.latency(clients, run)
        for clients in results.plan.clients
        for side, run in SIDES.items()
    }
    header = "who asks whom | p50 | p95 | p99 | answers"
    return _by_name(header, waited, lambda found: f"{_percentiles(found)} | {found.count}")


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count != 1)}"


def _percentiles(found: figures.Latency) -> str:
    return f"{found.p50:.0f} | {found.p95:.0f} | {found.p99:.0f}"


def by_batch(found: Mapping[str, float], precision: str) -> str:
    return _by_name("batches of | texts a second", found, lambda rate: f"{rate:{precision}}")


def bulk(found: figures.Bulk) -> str:
    return _table(
        "round | scripts.score | the backend alone | share",
        (
            f"{number} | {each.command:.1f} | {each.backend:.1f} | "
            f"{100 * each.command / each.backend:.1f} %"
            for number, each in enumerate(found.rounds, start=1)
        ),
    )


def cascade_rates(found: figures.CascadeFigures) -> str:
    return _by_name(
        "what | with the cascade | full model alone | ×",
        {f"our server, {BUDGET_CLIENTS} clients": found.server, "`scripts.score`": found.files},
        lambda turns: (
            f"{median(each.auto for each in turns):.1f} | "
            f"{median(each.off for each in turns):.1f} | "
            f"{median(each.times for each in turns):.2f}"
        ),
    )


def cascade_answers(found: figures.CascadeFigures) -> str:
    return _table(
        "texts | with the cascade, p50 | p95 | full model alone, p50 | p95",
        (
            f"{row} | {auto.p50:.2f} | {auto.p95:.2f} | {off.p50:.2f} | {off.p95:.2f}"
            for row, auto, off in (
                ("all", found.auto, found.off),
                ("answered by the full model", found.left, found.left_off),
            )
        ),
    )


def gpu_raw(results: GpuResults) -> str:
    return _table(
        "the raw model, batches of | texts a second | tokens a second | of the matrix rate",
        (
            f"{batch} | {rate:.0f} | {rate * results.tokens:.0f} | "
            f"{100 * rate * results.flops / results.matrix_rate:.1f} %"
            for batch, rate in results.rates("raw").items()
        ),
    )


def gpu_server(results: GpuResults) -> str:
    return _table(
        "load | texts a second | tokens a second | p50, ms | p95, ms | p99, ms",
        (
            f"{load} | {rate:.0f} | {rate * results.tokens:.0f} | "
            f"{_percentiles(results.latency(load))}"
            for load, rate in results.rates("server").items()
        ),
    )


def memory(found: Mapping[str, int]) -> str:
    return _by_name("process | peak", found, megabytes)


def installed(found: figures.Installed) -> str:
    return _table(
        "what | ours, on Lambda | the baseline",
        (
            f"{row} | {megabytes(ours)} | {megabytes(theirs)}"
            for row, ours, theirs in (
                ("packages", found.packages, found.baseline_packages),
                ("own code", found.function, 0),
                ("models", found.models, found.checkpoint),
                ("together", found.ours, found.theirs),
            )
        ),
    )


def models(found: figures.Models) -> str:
    first = next(iter(found.by_name.values())).latency
    header = "".join(f"{length}, p50 | {length}, p99 | {length}, × | " for length in first)
    return _table(
        f"model | task | size | {header}peak memory",
        (
            f"{name} {model.version} | {model.task} | {megabytes(model.bytes)} | "
            + "".join(
                f"{at.p50:.2f} ms | {at.p99:.2f} ms | {at.p50 / first[length].p50:.2f} | "
                for length, at in model.latency.items()
            )
            + megabytes(model.peak)
            for name, model in found.by_name.items()
        ),
    )


def megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def sizes(entries: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {megabytes(size)}" for name, size in entries)
