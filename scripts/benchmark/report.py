"""The page: one run as Markdown. Its words are in `pages/`, its tables in `tables.py`."""

from pathlib import Path

from scripts.benchmark import cold_image, tables
from scripts.benchmark.figures import CascadeFigures, ColdImage
from scripts.benchmark.results import GpuResults, Results
from scripts.common.markdown import fill_page

PAGES = Path(__file__).with_name("pages")
LARGEST = 8  # files of a cold start that are named
BUSY = 0.1  # the share of all cores that something else may take
QUICK = "**A quick run, which shows that everything runs: draw no conclusion from it.**"
NOT_IDLE = "**The machine was not idle while this run was made: trust its ratios less.**"


def render(results: Results) -> str:
    """Return the page."""
    load = results.throughput
    return fill_page(
        PAGES / "page.md",
        run=results,
        load=load,
        doubt=_doubt(results),
        budgets=tables.verdicts(results.budgets),
        machine=tables.machine(results),
        first_answers=tables.first_answers(results.first_answer),
        cold_image=_cold_image(results.cold_image),
        latencies=tables.latencies(results.latency),
        signals=tables.signals(results.signals),
        rates=tables.rates(results),
        ratios=tables.ratios(results),
        waits=tables.waits(results),
        backend=tables.by_batch(load.backend, ".1f"),
        pipeline=tables.by_batch(load.pipeline, ".1f"),
        generator=100 * load.generator_share,
        most_clients=results.plan.clients[-1],
        bulk=tables.bulk(results.bulk),
        cascade=_cascade(results.cascade),
        gpu=gpu_section(results.gpu),
        memory=tables.memory(results.memory),
        installed=tables.installed(results.installed),
        largest=tables.sizes(results.installed.largest.items()),
        together=tables.megabytes(results.models.together),
        models=tables.models(results.models),
    )


def gpu_section(results: GpuResults | None) -> str:
    """Return the section on a GPU, or how to measure one."""
    if results is None:
        return fill_page(PAGES / "no_gpu.md").rstrip()
    return fill_page(
        PAGES / "gpu.md",
        run=results,
        quick=QUICK if results.quick else "",
        budgets=tables.verdicts(results.budgets),
        machine=tables.gpu_machine(results),
        raw=tables.gpu_raw(results),
        server=tables.gpu_server(results),
        best=results.best("pipeline"),
        pipeline=tables.by_batch(results.rates("pipeline"), ".0f"),
    ).strip()


def _doubt(results: Results) -> str:
    """Return why the figures should be trusted less; empty if nothing speaks against them."""
    if results.quick:
        return QUICK
    cores, busy = results.machine.cores, results.throughput.elsewhere.median
    return NOT_IDLE if results.machine.busy > cores / 2 or busy > BUSY * cores else ""


def _cold_image(measured: ColdImage | None) -> str:
    if measured is None:
        return ""
    ours = measured.starts[f"{cold_image.HANDLER}, readahead none"]
    largest = sorted(ours.touched.items(), key=lambda entry: -entry[1])[:LARGEST]
    return fill_page(
        PAGES / "cold_image.md",
        starts=tables.cold_starts(measured),
        largest=tables.sizes((Path(name).name, size) for name, size in largest),
    )


def _cascade(measured: CascadeFigures | None) -> str:
    if measured is None:
        return ""
    return fill_page(
        PAGES / "cascade.md",
        run=measured,
        share=100 * measured.share,
        rates=tables.cascade_rates(measured),
        answers=tables.cascade_answers(measured),
    )
