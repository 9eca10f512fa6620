"""The page: one run as Markdown."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median

from scripts.benchmark import cold_image, throughput
from scripts.benchmark.budgets import MEGABYTE
from scripts.benchmark.figures import CascadeFigures, ColdImage, Latency, LoadRound, LoadRun, Spread
from scripts.benchmark.machine import Machine
from scripts.benchmark.plan import BUDGET_CLIENTS
from scripts.benchmark.results import GpuResults, Results, Verdict
from scripts.common.markdown import markdown_table

LARGEST = 8  # files of a cold start that are named
BUSY = 0.1  # the share of all cores that something else may take
INTRODUCTION = """\
Written by a command, not by hand: ours compared with a plain `transformers` pipeline that serves
the same weights in full precision, on CPU, behind the shortest FastAPI application there is.

**Read ratios, not times.** All of a page is one run on one machine, in which both sides took turns;
another machine has other times. Only what a GPU did may come from elsewhere, and is marked then.
Files lie in the page cache and are compiled to bytecode, as on a second start: pulling an image and
reading it from a disk are not in these figures."""
QUICK = "**A quick run, which shows that everything runs: draw no conclusion from it.**"
NO_GPU = """\
**Open: no GPU was in reach.** Not known are texts and tokens a second, the share of the card's
bfloat16 matrix rate, whether our server keeps ≥ 80 % of the raw model, and whether it is ≥ 5 × a
pipeline at its best batch size. On a machine with an NVIDIA GPU this installs a build of torch
for its driver, pulls the models and measures them:

    make benchmark-gpu DATA=FOLDER    # with imdb/test.parquet in it; made-up texts without DATA
    make benchmark                    # shows it here"""

Rows = Mapping[str, Callable[[LoadRound], float | None]]
SIDES: dict[str, Callable[[LoadRound], LoadRun | None]] = {
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


def render(results: Results) -> str:
    """Return the page."""
    parts = [
        "# Benchmarks",
        INTRODUCTION,
        *_doubts(results),
        f"    {results.command}",
        "## Budgets",
        _verdicts(results.budgets),
        "## Machine",
        _machine(results),
        "## Process start to first answer",
        "Seconds, each time in a fresh process. A server has answered with its first 200.",
        _first_answers(results),
        *_cold_image(results.cold_image),
        "## Warm answers",
        f"Milliseconds, one at a time: a short text of {results.tokens['short']:.0f} tokens, and "
        f"texts of a review's length, {results.tokens['review']:.0f} tokens.",
        _latencies(results),
        "## Signals",
        "Through our Lambda handler's application, in process: with the line and the metrics of a "
        "request and the prediction log, and with all of them off, answer by answer in turn. The "
        "lines go nowhere; a process that reads them on the same cores takes its own time, once a "
        "request.",
        _signals(results),
        "## Load",
        *_load(results),
        "## A file in bulk",
        f"`scripts.score` on a Parquet file of {results.bulk.rows:,} of these texts: reading, "
        "scoring on all cores by the full model, keeping what is done. The session alone, in what "
        "was its fastest batch above, reads half of the texts before and half after. Loading the "
        "model is left out on both sides.",
        _bulk(results),
        *_cascade(results.cascade),
        "## On a GPU",
        *gpu_section(results.gpu),
        "## Peak memory",
        f"Resident, 1 MB being 1,000,000 bytes. The handler answered "
        f"{results.plan.memory_requests} texts of review length.",
        _table(
            "process | peak",
            (f"{row} | {_megabytes(peak)}" for row, peak in results.memory.items()),
        ),
        "## Installed size",
        *_installed(results),
        "## Models",
        "Every model that was pulled, through one handler in one process, in turn. A long text is "
        "read whole, in windows, as each artifact says. Peaks are of fresh processes that answered "
        f"{results.plan.memory_requests} texts of review length with one model; one that answered "
        f"with all of them held {_megabytes(results.models.together)} at most.",
        _models(results),
    ]
    return "\n\n".join(parts) + "\n"


def _doubts(results: Results) -> list[str]:
    """Return why the figures should be trusted less, if they should."""
    if results.quick:
        return [QUICK]
    busy = results.throughput.elsewhere.median
    if results.machine.busy > results.machine.cores / 2 or busy > BUSY * results.machine.cores:
        return ["**The machine was not idle while this run was made: trust its ratios less.**"]
    return []


def _table(header: str, rows: Iterable[str]) -> str:
    """Return a table of lines in which bars separate the cells; all but the first hold figures."""
    names = header.split(" | ")
    figures = [False] + [True] * (len(names) - 1)
    return markdown_table(names, [row.split(" | ") for row in rows], figures)


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    return _table(
        "what | measured | budget | verdict",
        (
            f"{each.budget} | {each.measured} | {each.limit} | {'PASS' if each.passed else 'FAIL'}"
            for each in verdicts
        ),
    )


def _machine(results: Results) -> str:
    machine = results.machine
    rows = {
        "CPU": machine.cpu,
        "cores": machine.cores,
        "memory": f"{machine.memory_gb} GB",
        "system": machine.system,
        "load when the run began": machine.busy,
        "date": machine.date,
        "commit": machine.commit,
        "model": results.model,
        "versions": _versions(machine),
        "largest difference of a probability": f"{results.agreement:.4f}",
    }
    return _table(" | ", (f"{row} | {found}" for row, found in rows.items()))


def _versions(machine: Machine) -> str:
    return ", ".join(f"{name} {version}" for name, version in machine.versions.items())


def _first_answers(results: Results) -> str:
    bare = next(iter(results.first_answer.values())).median
    return _table(
        "what | median | fastest | starts | × bare script",
        (
            f"{row} | {each.median:.2f} s | {each.minimum:.2f} s | {each.count} | "
            f"{each.median / bare:.2f}"
            for row, each in results.first_answer.items()
        ),
    )


def _cold_image(measured: ColdImage | None) -> list[str]:
    if measured is None:
        return []
    ours = measured.starts[f"{cold_image.HANDLER}, readahead none"]
    largest = sorted(ours.touched.items(), key=lambda entry: -entry[1])[:LARGEST]
    return [
        "## From a cold image",
        "The tree of the function's image on a file system that was just mounted: what a first "
        "answer reads of it, in pages, by what the kernel reads ahead. Lambda fetches an image in "
        "chunks of 512 KB; they are counted as if all files lay in a row. Python itself belongs to "
        "the base and is not counted. The start of median time.",
        _table(
            "what | read | files | chunks | seconds",
            (
                f"{row} | {_megabytes(each.bytes)} | {each.files} | {each.chunks} | "
                f"{each.seconds:.2f}"
                for row, each in measured.starts.items()
            ),
        ),
        "Of our handler's, without readahead: "
        + ", ".join(f"{Path(name).name} {_megabytes(size)}" for name, size in largest)
        + ".",
    ]


def _latencies(results: Results) -> str:
    lengths = next(iter(results.latency.values()))
    header = "".join(f" | {length}, p50 | {length}, p99" for length in lengths)
    return _table(
        f"what{header}",
        (
            row + "".join(f" | {each.p50:.2f} | {each.p99:.2f}" for each in at.values())
            for row, at in results.latency.items()
        ),
    )


def _signals(results: Results) -> str:
    return _table(
        "text | signals off, p50 | signals on, p50 | added | median of pairs | pairs",
        (
            f"{length} | {each.silent.p50:.2f} ms | {each.logged.p50:.2f} ms | "
            f"{each.added:.2f} ms, {100 * each.cost:+.1f} % | {each.paired:.2f} ms | "
            f"{each.logged.count}"
            for length, each in results.signals.items()
        ),
    )


def _load(results: Results) -> list[str]:
    plan, load = results.plan, results.throughput
    elsewhere = load.elsewhere
    return [
        f"Texts over HTTP on loopback, one a request: {results.texts}; "
        f"{results.tokens['mean']:.0f} tokens on average. Clients keep their connection and ask "
        f"again as soon as they have an answer. In each of {plan.rounds} rounds all take turns at "
        "each level, the backend alone before and after our server; what is measured are "
        f"{plan.seconds:g} seconds from when each client has had an answer. Both sides read the "
        f"first {results.tokens['most']:.0f} tokens of a longer text. The pipeline's server "
        "answers one text at a time, on all cores: a pipeline is not made for several threads.",
        "Texts a second, medians of the rounds:",
        _by_clients(results, RATES, lambda found: f"{found.median:.1f}"),
        "Ratios within a round, their median, least and most:",
        _by_clients(
            results,
            RATIOS,
            lambda found: f"{found.median:.2f} ({found.minimum:.2f}–{found.maximum:.2f})",
        ),
        "Milliseconds that clients waited, of all rounds together:",
        _table(
            "who asks whom | p50 | p95 | p99 | answers",
            (
                f"{_clients(clients)}, {side} | {_milliseconds(found)} | {found.count}"
                for clients in plan.clients
                for side, run in SIDES.items()
                for found in [load.latency(clients, run)]
            ),
        ),
        "The backend alone: the same tokens, ready in memory, sorted by length, with the server's "
        f"thread setting. What was fastest here, {load.best}, is what the server is held against "
        "in each round.",
        _by_batch(load.backend, ".1f"),
        "The pipeline alone, without HTTP, given all texts at once, sorted by length:",
        _by_batch(load.pipeline, ".1f"),
        f"While load was measured, what else ran on the machine took {elsewhere.median:.2f} "
        f"cores, {elsewhere.maximum:.2f} at the most.",
        f"The load generator is a process on the same machine. It took "
        f"{100 * load.generator_share:.1f} % of a core at the most; against a server that "
        f"answers at once it asked {load.ceiling:.0f} times a second with {plan.clients[-1]} "
        "clients.",
    ]


def _by_clients(results: Results, rows: Rows, show: Callable[[Spread], str]) -> str:
    load, levels = results.throughput, results.plan.clients
    return _table(
        " | ".join(["what", *map(_clients, levels)]),
        (
            " | ".join([row, *(show(load.spread(clients, figure)) for clients in levels)])
            for row, figure in rows.items()
        ),
    )


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count != 1)}"


def _milliseconds(found: Latency) -> str:
    return f"{found.p50:.0f} | {found.p95:.0f} | {found.p99:.0f}"


def _by_batch(rates: Mapping[str, float], precision: str) -> str:
    rows = (f"{batch} | {rate:{precision}}" for batch, rate in rates.items())
    return _table("batches of | texts a second", rows)


def _bulk(results: Results) -> str:
    return _table(
        "round | scripts.score | the backend alone | share",
        (
            f"{number} | {each.command:.1f} | {each.backend:.1f} | "
            f"{100 * each.command / each.backend:.1f} %"
            for number, each in enumerate(results.bulk.rounds, start=1)
        ),
    )


def _cascade(measured: CascadeFigures | None) -> list[str]:
    if measured is None:
        return []
    rates = {
        f"our server, {BUDGET_CLIENTS} clients": measured.server,
        "`scripts.score`": measured.files,
    }
    answers = {
        "all": (measured.auto, measured.off),
        "answered by the full model": (measured.left, measured.left_off),
    }
    return [
        "## The cascade",
        f"{measured.texts} texts, read whole, of which its first stage answered "
        f"{100 * measured.share:.1f} %. Both take turns: the cascade, and the full model reading "
        "every text. Texts a second, medians of the rounds:",
        _table(
            "what | with the cascade | full model alone | ×",
            (
                f"{row} | {median(each.auto for each in found):.1f} | "
                f"{median(each.off for each in found):.1f} | "
                f"{median(each.times for each in found):.2f}"
                for row, found in rates.items()
            ),
        ),
        "Milliseconds of an answer through the handler, one at a time, on one core:",
        _table(
            "texts | with the cascade, p50 | p95 | full model alone, p50 | p95",
            (
                f"{row} | {auto.p50:.2f} | {auto.p95:.2f} | {off.p50:.2f} | {off.p95:.2f}"
                for row, (auto, off) in answers.items()
            ),
        ),
    ]


def _installed(results: Results) -> list[str]:
    sizes = results.installed
    rows = {
        "packages": (sizes.packages, sizes.baseline_packages),
        "own code": (sizes.function, 0),
        "models": (sizes.models, sizes.checkpoint),
        "together": (sizes.ours, sizes.theirs),
    }
    largest = ", ".join(f"{name} {_megabytes(size)}" for name, size in sizes.largest.items())
    return [
        _table(
            "what | ours, on Lambda | the baseline",
            (f"{row} | {_megabytes(a)} | {_megabytes(b)}" for row, (a, b) in rows.items()),
        ),
        f"Our largest packages: {largest}.",
    ]


def _models(results: Results) -> str:
    models = results.models.by_name
    first = next(iter(models.values())).latency
    header = "".join(f"{length}, p50 | {length}, p99 | {length}, × | " for length in first)
    return _table(
        f"model | task | size | {header}peak memory",
        (
            f"{name} {model.version} | {model.task} | {_megabytes(model.bytes)} | "
            + "".join(
                f"{at.p50:.2f} ms | {at.p99:.2f} ms | {at.p50 / first[length].p50:.2f} | "
                for length, at in model.latency.items()
            )
            + _megabytes(model.peak)
            for name, model in models.items()
        ),
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def gpu_section(results: GpuResults | None) -> list[str]:
    """Return the section on a GPU, or how to measure one."""
    if results is None:
        return [NO_GPU]
    rows = {
        "card": results.card,
        "its bfloat16 matrix rate": f"{results.matrix_rate / 1e12:.3g} TFLOP/s",
        "CPU": f"{results.machine.cpu}, {results.machine.cores} cores",
        "date": results.machine.date,
        "commit": results.machine.commit,
        "model": results.model,
        "versions": _versions(results.machine),
    }
    return [
        *[QUICK] * results.quick,
        "A run of its own, on the machine of the table below:",
        f"    {results.command}",
        _verdicts(results.budgets),
        _table(" | ", (f"{row} | {found}" for row, found in rows.items())),
        f"{results.texts}; {results.tokens:.0f} tokens on average. Medians of "
        f"{results.plan.rounds} rounds. The raw model is the torch backend in {results.precision}, "
        "over tokens that lie ready in memory, sorted by length, in batches of at most that many "
        "tokens, padding included. Operations are those of matrix products over real tokens, "
        "counted from the model's shapes: 8nh² + 4n²h + 4nhf a layer for n tokens, width h and "
        "inner width f (after Narayanan et al. 2021). The card's own rate is that of products of "
        f"two bfloat16 matrices of {results.plan.matrix} rows.",
        _table(
            "the raw model, batches of | texts a second | tokens a second | of the matrix rate",
            (
                f"{batch} | {rate:.0f} | {rate * results.tokens:.0f} | "
                f"{100 * rate * results.flops / results.matrix_rate:.1f} %"
                for batch, rate in results.rates("raw").items()
            ),
        ),
        "Our server over the same model, asked over HTTP on loopback, tokenising included:",
        _table(
            "load | texts a second | tokens a second | p50, ms | p95, ms | p99, ms",
            (
                f"{load} | {rate:.0f} | {rate * results.tokens:.0f} | "
                f"{_milliseconds(results.latency(load))}"
                for load, rate in results.rates("server").items()
            ),
        ),
        "The pipeline in one process, given all texts at once, sorted by length, tokenising "
        f"included; in its best case, {results.best('pipeline')}:",
        _by_batch(results.rates("pipeline"), ".0f"),
    ]
