"""The project's budgets, and the verdicts of a run."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from scripts.benchmark import cold_image, cold_start, footprint, latency
from scripts.benchmark.figures import CascadeFigures, ColdImage, Compared, Signals, Spread
from scripts.benchmark.plan import BUDGET_CLIENTS, REVIEW, SHORT
from scripts.benchmark.results import GpuResults, Results, Verdict
from scripts.common.errors import CommandError

MEGABYTE = 1_000_000
COLD_BYTES = 1.15  # of a first answer from a cold image, over the bare script's
COLD_RATIO, COLD_AIM, PIPELINE_SHARE = 1.6, 1.4, 1 / 10
WARM_SHARE, WARM_MILLISECONDS = 0.08, 1.5
SIGNALS_SHARES = {SHORT: 0.05, REVIEW: 0.02}
THROUGHPUT_SHARE = 0.95
FILE_TIMES, SERVER_TIMES = 3.0, 2.5  # a cascade's texts a second over its full model's
CASCADE_MILLISECONDS, LEFT_TIMES = 2.5, 1.03
GPU_SHARE, GPU_TIMES = 0.80, 5.0


def judge_budgets(results: Results) -> list[Verdict]:
    """Return all verdicts of a run; the Lambda's start is that of a fresh Python process."""
    starts, answers, load = results.first_answer, results.latency, results.throughput
    handlers = [row for row in (footprint.HANDLER, footprint.EMULATED) if row in results.memory]
    shares = load.spread(BUDGET_CLIENTS, lambda each: each.over_backend)
    times = {
        clients: load.spread(clients, lambda each: each.over_pipeline)
        for clients in results.plan.clients
    }
    return [
        *first_answer(
            starts[cold_start.HANDLER].median,
            starts[cold_start.BARE].median,
            starts[cold_start.PIPELINE].median,
        ),
        warm_answer(answers[latency.HANDLER][REVIEW].p50, answers[latency.SESSION][REVIEW].p50),
        over_backend(f"server throughput at {BUDGET_CLIENTS} clients", shares),
        over_pipeline(times),
        peak_memory(max(results.memory[row] for row in handlers)),
        installed_budget(results.installed.ours),
        *(signals_budget(length, each) for length, each in results.signals.items()),
        over_backend("scripts.score on a file", results.bulk.shares),
        *(cascade(results.cascade) if results.cascade else []),
        *([from_image(results.cold_image)] if results.cold_image else []),
    ]


def judge_gpu(results: GpuResults) -> list[Verdict]:
    """Return the verdicts of a run on a GPU."""
    return [
        gpu_over_raw(results.ratios("server", "raw")),
        gpu_over_pipeline(results.ratios("server", "pipeline")),
    ]


def check(verdicts: Iterable[Verdict]) -> None:
    """Raise CommandError if a budget is missed."""
    missed = [f"{v.budget}: {v.measured}, not {v.limit}" for v in verdicts if not v.passed]
    if missed:
        raise CommandError("; ".join(missed))


def first_answer(ours: float, bare: float, pipeline: float) -> list[Verdict]:
    """Judge the seconds to the first answer of the Lambda, a bare script and a pipeline."""
    times, share = ours / bare, ours / pipeline
    aim = "met" if times <= COLD_AIM else "missed"
    return [
        Verdict(
            "Lambda, process start to first answer, compared with a bare script",
            f"{times:.2f} × ({ours:.2f} s compared with {bare:.2f} s)",
            f"≤ {COLD_RATIO:.1f} × (aim {COLD_AIM}: {aim})",
            times,
            times <= COLD_RATIO,
        ),
        Verdict(
            "Lambda, process start to first answer, compared with a transformers pipeline",
            f"1/{1 / share:.1f} ({ours:.2f} s compared with {pipeline:.2f} s)",
            "≤ 1/10",
            share,
            share <= PIPELINE_SHARE,
        ),
    ]


def from_image(measured: ColdImage) -> Verdict:
    """Judge the bytes that a first answer reads of an image that nobody has read yet."""
    ours, bare = (
        measured.starts[f"{name}, readahead none"].bytes
        for name in (cold_image.HANDLER, cold_image.BARE)
    )
    return Verdict(
        "Lambda, bytes that a first answer reads of a cold image, compared with a bare script",
        f"{ours / bare:.2f} × ({ours / MEGABYTE:.1f} MB compared with {bare / MEGABYTE:.1f} MB)",
        f"≤ {COLD_BYTES:g} ×",
        ours / bare,
        ours / bare <= COLD_BYTES,
    )


def warm_answer(handler: float, session: float) -> Verdict:
    """Judge median milliseconds at review length, through the handler and of the session alone."""
    limit = max(session * (1 + WARM_SHARE), session + WARM_MILLISECONDS)
    return Verdict(
        "warm answer through the handler, review length",
        f"{handler:.2f} ms, session {session:.2f} ms ({100 * (handler / session - 1):+.1f} %)",
        f"≤ {limit:.2f} ms: +8 % or 1.5 ms",
        handler / session,
        handler <= limit,
    )


def signals_budget(length: str, signals: Signals) -> Verdict:
    """Judge what signals add to the median of texts of a length, by pairs of answers."""
    share = signals.paired / signals.silent.p50
    return Verdict(
        f"all signals and the prediction log, added to the p50 of a warm answer, {length} text",
        f"{signals.paired:.2f} ms ({100 * share:+.1f} %)",
        f"≤ {100 * SIGNALS_SHARES[length]:+.0f} %",
        1 + share,
        share <= SIGNALS_SHARES[length],
    )


def over_backend(what: str, shares: Spread) -> Verdict:
    """Judge texts a second over those of the session alone in its best batches."""
    return Verdict(
        f"{what}, compared with the backend alone",
        f"{100 * shares.median:.1f} % ({shares.count} rounds: "
        f"{100 * shares.minimum:.1f} to {100 * shares.maximum:.1f})",
        "≥ 95 %",
        shares.median,
        shares.median >= THROUGHPUT_SHARE,
    )


def cascade(measured: CascadeFigures) -> list[Verdict]:
    """Judge a cascade by its full model: rates, its median answer, and what it leaves."""
    p50, left = measured.auto.p50, measured.left.p50 / measured.left_off.p50
    return [
        _times("scripts.score with the cascade", measured.files, FILE_TIMES),
        _times(
            f"server at {BUDGET_CLIENTS} clients with the cascade", measured.server, SERVER_TIMES
        ),
        Verdict(
            "p50 through the handler with the cascade",
            f"{p50:.2f} ms ({measured.off.p50:.2f} without)",
            f"≤ {CASCADE_MILLISECONDS} ms",
            p50 / measured.off.p50,
            p50 <= CASCADE_MILLISECONDS,
        ),
        Verdict(
            "p50 of a text that the first stage leaves, compared with no cascade",
            f"{100 * (left - 1):+.1f} %",
            f"≤ {100 * (LEFT_TIMES - 1):+.0f} %",
            left,
            left <= LEFT_TIMES,
        ),
    ]


def _times(what: str, rounds: Sequence[Compared], limit: float) -> Verdict:
    times = Spread.of([each.times for each in rounds])
    return Verdict(
        f"{what}, compared with the full model alone",
        f"{times.median:.2f} × ({times.minimum:.2f} to {times.maximum:.2f})",
        f"≥ {limit:g} ×",
        times.median,
        times.median >= limit,
    )


def over_pipeline(times: Mapping[int, Spread]) -> Verdict:
    """Judge the server's texts a second over those of the pipeline's server, by clients."""
    clients, least = min(times.items(), key=lambda level: level[1].median)
    return Verdict(
        "server throughput compared with a transformers pipeline behind FastAPI, at every level",
        f"{least.median:.2f} × where it is least, at {clients} client{'s' * (clients != 1)}",
        "> 1 ×",
        least.median,
        least.median > 1,
    )


def gpu_over_raw(shares: Spread) -> Verdict:
    """Judge the server's texts a second on a GPU over the raw model's, each at its best."""
    return Verdict(
        "GPU: server throughput, compared with the raw model",
        f"{100 * shares.median:.1f} %",
        "≥ 80 %",
        shares.median,
        shares.median >= GPU_SHARE,
    )


def gpu_over_pipeline(times: Spread) -> Verdict:
    """Judge the server's texts a second on a GPU over a pipeline's, each at its best."""
    return Verdict(
        "GPU: server throughput, compared with a transformers pipeline at its best batch size",
        f"{times.median:.1f} ×",
        "≥ 5 ×",
        times.median,
        times.median >= GPU_TIMES,
    )


def _bytes(budget: str, limit: int, measured: int) -> Verdict:
    return Verdict(
        budget,
        f"{measured / MEGABYTE:.0f} MB",
        f"≤ {limit / MEGABYTE:.0f} MB",
        measured / limit,
        measured <= limit,
    )


# Of bytes: the Lambda process's, and those of packages, code and models.
peak_memory = partial(_bytes, "peak memory of the Lambda process", 200 * MEGABYTE)
installed_budget = partial(_bytes, "what the Lambda's image carries above its base", 250 * MEGABYTE)
