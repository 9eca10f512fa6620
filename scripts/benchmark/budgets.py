"""The project's promises, each beside what this run measured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scripts.benchmark.figures import Spread
from scripts.common.errors import CommandError

MEGABYTE = 1_000_000
COLD_RATIO, COLD_AIM, PIPELINE_SHARE = 2.0, 1.6, 1 / 8
WARM_SHARE, WARM_MILLISECONDS = 0.10, 2.0
SIGNALS_SHARE = 0.02
THROUGHPUT_SHARE = 0.95
GPU_SHARE, GPU_TIMES = 0.80, 5.0
MEMORY_BYTES, INSTALLED_BYTES = 220 * MEGABYTE, 250 * MEGABYTE


@dataclass(frozen=True)
class Verdict:
    """measured and limit: as the page shows them. ratio: measured over what it is held against."""

    budget: str
    measured: str
    limit: str
    ratio: float
    passed: bool


def check(promises: Iterable[Verdict]) -> None:
    """Raises CommandError where one is not kept."""
    missed = [verdict for verdict in promises if not verdict.passed]
    if missed:
        raise CommandError(
            "; ".join(
                f"{verdict.budget}: {verdict.measured}, not {verdict.limit}" for verdict in missed
            )
        )


def first_answer(ours: float, bare: float, pipeline: float) -> list[Verdict]:
    """Seconds to the first answer: the Lambda's, a bare script's, a pipeline's."""
    times, share = ours / bare, ours / pipeline
    aim = "met" if times <= COLD_AIM else "missed"
    return [
        Verdict(
            "Lambda, process start to first answer, beside a bare script",
            f"{times:.2f} × ({ours:.2f} s beside {bare:.2f} s)",
            f"≤ {COLD_RATIO:.1f} × (aim {COLD_AIM}: {aim})",
            times,
            times <= COLD_RATIO,
        ),
        Verdict(
            "Lambda, process start to first answer, beside a transformers pipeline",
            f"1/{1 / share:.1f} ({ours:.2f} s beside {pipeline:.2f} s)",
            "≤ 1/8",
            share,
            share <= PIPELINE_SHARE,
        ),
    ]


def warm_answer(handler: float, session: float) -> Verdict:
    """Median milliseconds at review length, through the handler and of the session alone."""
    limit = max(session * (1 + WARM_SHARE), session + WARM_MILLISECONDS)
    return Verdict(
        "warm answer through the handler, review length",
        f"{handler:.2f} ms, session {session:.2f} ms ({100 * (handler / session - 1):+.1f} %)",
        f"≤ {limit:.2f} ms: +10 % or 2 ms",
        handler / session,
        handler <= limit,
    )


def signals(milliseconds: float, share: float) -> Verdict:
    """What telling of an answer adds to the median at review length."""
    return Verdict(
        "all signals and the prediction log, added to the p50 of a warm answer, review length",
        f"{milliseconds:.2f} ms ({100 * share:+.1f} %)",
        "≤ +2 %",
        1 + share,
        share <= SIGNALS_SHARE,
    )


def throughput(shares: Spread, clients: int) -> Verdict:
    """The server's texts a second over those of the session alone in its best batches."""
    return _beside_backend(f"server throughput at {clients} clients", shares)


def bulk(shares: Spread) -> Verdict:
    """Texts a second of `scripts.score` over those of the session alone in its best batches."""
    return _beside_backend("scripts.score on a file", shares)


def beside_pipeline(times: Mapping[int, Spread]) -> Verdict:
    """The server's texts a second over those of the pipeline's server, by clients."""
    clients, least = min(times.items(), key=lambda level: level[1].median)
    return Verdict(
        "server throughput beside a transformers pipeline behind FastAPI, at every level",
        f"{least.median:.2f} × where it is least, at {clients} client{'s' * (clients != 1)}",
        "> 1 ×",
        least.median,
        least.median > 1,
    )


def beside_raw(shares: Spread) -> Verdict:
    """On a GPU: the server's texts a second over those of the model alone, each at its best."""
    return Verdict(
        "GPU: server throughput, beside the raw model",
        f"{100 * shares.median:.1f} %",
        "≥ 80 %",
        shares.median,
        shares.median >= GPU_SHARE,
    )


def times_pipeline(times: Spread) -> Verdict:
    """On a GPU: the server's texts a second over a pipeline's, each at its best."""
    return Verdict(
        "GPU: server throughput, beside a transformers pipeline at its best batch size",
        f"{times.median:.1f} ×",
        "≥ 5 ×",
        times.median,
        times.median >= GPU_TIMES,
    )


def peak_memory(measured: int) -> Verdict:
    """Bytes of the Lambda process."""
    return _bytes("peak memory of the Lambda process", measured, MEMORY_BYTES)


def installed(measured: int) -> Verdict:
    """Bytes of packages, code and model."""
    return _bytes("what the Lambda's image carries above its base", measured, INSTALLED_BYTES)


def _beside_backend(what: str, shares: Spread) -> Verdict:
    return Verdict(
        f"{what}, beside the backend alone",
        f"{100 * shares.median:.1f} % ({shares.count} rounds: "
        f"{100 * shares.minimum:.1f} to {100 * shares.maximum:.1f})",
        "≥ 95 %",
        shares.median,
        shares.median >= THROUGHPUT_SHARE,
    )


def _bytes(budget: str, measured: int, limit: int) -> Verdict:
    return Verdict(
        budget,
        f"{measured / MEGABYTE:.0f} MB",
        f"≤ {limit / MEGABYTE:.0f} MB",
        measured / limit,
        measured <= limit,
    )
