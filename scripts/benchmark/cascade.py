"""A cascade compared with its own full model, on the same texts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.benchmark.bulk import score, write_rows
from scripts.benchmark.figures import CascadeFigures, Compared, Latency
from scripts.benchmark.plan import BUDGET_CLIENTS, Plan, Subject
from scripts.benchmark.processes import Running, handler_event, work
from scripts.benchmark.throughput import ask
from scripts.common.progress import Progress

ON: Mapping[str, Any] = {}  # as callers ask who name no parameters
OFF: Mapping[str, Any] = {"cascade": "off"}


def measure_cascade(
    subject: Subject, plan: Plan, texts: Sequence[str], ours: Running
) -> CascadeFigures:
    """Measure a handler, a server under load, and `scripts.score`, each in turns with and without.

    All read long texts whole, as they do by default.
    """
    handler = _through_handler(subject, texts)
    server, files = [], []
    with (
        TemporaryDirectory() as scratch,
        Progress("cascade, rounds", plan.rounds) as progress,
    ):
        source = write_rows(texts, plan.bulk_rows, Path(scratch))

        def load(parameters: Mapping[str, Any]) -> float:
            found = ask(
                ours, texts, clients=BUDGET_CLIENTS, seconds=plan.seconds, parameters=parameters
            )
            return found.texts_per_second

        def file(cascade: str) -> float:
            output = Path(scratch) / f"{cascade}.parquet"
            output.unlink(missing_ok=True)
            return score(subject, source, output, cascade)

        for number in range(plan.rounds):
            server.append(_compare(number, partial(load, ON), partial(load, OFF)))
            files.append(_compare(number, partial(file, "auto"), partial(file, "off")))
            progress.advance(1)
    return CascadeFigures(server=server, files=files, **handler)


def _compare(number: int, auto: Callable[[], float], off: Callable[[], float]) -> Compared:
    """Measure both, in an order that changes from round to round."""
    if number % 2:
        without = off()
        return Compared(auto(), without)
    return Compared(auto(), off())


def _through_handler(subject: Subject, texts: Sequence[str]) -> dict[str, Any]:
    """Return the share of texts answered first, and the latencies with and without."""
    events = {
        name: [handler_event(text, parameters=parameters) for text in texts]
        for name, parameters in (("auto", ON), ("off", OFF))
    }
    answers = work("cascade", {"events": events}, subject.environment() | {"THREADS": "1"})
    left = [row for row, stage in enumerate(answers["stages"]) if stage == "full"]
    return {
        "texts": len(texts),
        "share": 1 - len(left) / len(texts),
        "auto": Latency.of(answers["auto"]),
        "off": Latency.of(answers["off"]),
        "left": Latency.of([answers["auto"][row] for row in left] or [0.0]),
        "left_off": Latency.of([answers["off"][row] for row in left] or [0.0]),
    }
