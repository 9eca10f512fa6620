"""The page's tables, in Markdown."""

from collections.abc import Iterable, Sequence

from scripts.benchmark.budgets import MEGABYTE, Verdict
from scripts.benchmark.bulk import Bulk
from scripts.benchmark.models import Models
from scripts.benchmark.results import Results


def verdicts(promises: Iterable[Verdict]) -> str:
    """Promises beside what was measured."""
    return table(
        ("what", "measured", "budget", "verdict"),
        (
            (verdict.budget, verdict.measured, verdict.limit, "PASS" if verdict.passed else "FAIL")
            for verdict in promises
        ),
    )


def machine(results: Results) -> str:
    """What the run was made on and with."""
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return table(
        ("", ""),
        (
            ("CPU", machine.cpu),
            ("cores", str(machine.cores)),
            ("memory", f"{machine.memory_gb} GB"),
            ("system", machine.system),
            ("load when the run began", str(machine.busy)),
            ("date", machine.date),
            ("commit", machine.commit),
            ("model", results.model),
            ("versions", versions),
            ("largest difference of a probability", f"{results.agreement:.4f}"),
        ),
    )


def first_answers(results: Results) -> str:
    """Seconds, and how many times the bare script's."""
    bare = next(iter(results.first_answer.values())).median
    return table(
        ("what", "median", "fastest", "starts", "× bare script"),
        (
            (
                row,
                f"{spread.median:.2f} s",
                f"{spread.minimum:.2f} s",
                str(spread.count),
                f"{spread.median / bare:.2f}",
            )
            for row, spread in results.first_answer.items()
        ),
    )


def latencies(results: Results) -> str:
    """Two figures a length."""
    lengths = list(next(iter(results.latency.values())))
    header = [f"{length}, {figure}" for length in lengths for figure in ("p50", "p99")]
    return table(
        ("what", *header),
        (
            (row, *(f"{f:.2f}" for length in lengths for f in (at[length].p50, at[length].p99)))
            for row, at in results.latency.items()
        ),
    )


def signals(results: Results) -> str:
    """Medians of each length, and what is added to them."""
    return table(
        ("text", "nothing told, p50", "all told, p50", "added", "median of pairs", "pairs"),
        (
            (
                length,
                f"{each.silent.p50:.2f} ms",
                f"{each.told.p50:.2f} ms",
                f"{each.added:.2f} ms, {100 * each.cost:+.1f} %",
                f"{each.paired:.2f} ms",
                str(each.told.count),
            )
            for length, each in results.signals.items()
        ),
    )


def bulk(measured: Bulk) -> str:
    """Texts a second, round by round."""
    return table(
        ("round", "scripts.score", "the backend alone", "share"),
        (
            (
                str(number),
                f"{each.command:.1f}",
                f"{each.backend:.1f}",
                f"{100 * each.command / each.backend:.1f} %",
            )
            for number, each in enumerate(measured.rounds, start=1)
        ),
    )


def memory(results: Results) -> str:
    """Peaks."""
    return table(
        ("process", "peak"),
        ((row, _megabytes(peak)) for row, peak in results.memory.items()),
    )


def installed(results: Results) -> str:
    """Where the bytes are."""
    sizes = results.installed
    largest = ", ".join(f"{name} {_megabytes(size)}" for name, size in sizes.largest.items())
    return (
        table(
            ("what", "ours, on Lambda", "the baseline"),
            (
                ("packages", _megabytes(sizes.packages), _megabytes(sizes.baseline_packages)),
                ("own code", _megabytes(sizes.function), "0.0 MB"),
                ("models", _megabytes(sizes.models), _megabytes(sizes.checkpoint)),
                ("together", _megabytes(sizes.ours), _megabytes(sizes.theirs)),
            ),
        )
        + f"\n\nOur largest packages: {largest}."
    )


def models(measured: Models) -> str:
    """Size, milliseconds and memory of each, and how long it takes beside the first of them."""
    first = next(iter(measured.by_name.values())).latency
    lengths = list(first)
    return table(
        (
            "model",
            "task",
            "size",
            *(f"{length}, {figure}" for length in lengths for figure in ("p50", "p99", "×")),
            "peak memory",
        ),
        (
            (
                f"{name} {model.version}",
                model.task,
                _megabytes(model.bytes),
                *(
                    cell
                    for length in lengths
                    for cell in (
                        f"{model.latency[length].p50:.2f} ms",
                        f"{model.latency[length].p99:.2f} ms",
                        f"{model.latency[length].p50 / first[length].p50:.2f}",
                    )
                ),
                _megabytes(model.peak),
            )
            for name, model in measured.by_name.items()
        ),
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any table; the first column holds words, the others figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
