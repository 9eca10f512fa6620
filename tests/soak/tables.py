"""The tables of a soak, in Markdown."""

import math
from collections.abc import Mapping, Sequence

from scripts.benchmark.budgets import MEGABYTE
from scripts.benchmark.figures import Latency
from scripts.benchmark.tables import table
from tests.soak.record import Record
from tests.soak.told import Histogram
from tests.soak.watch import Sample

SHOWN = 12  # samples of the process


def distribution(what: str, by_model: Mapping[str, Histogram]) -> str:
    """Batches by their size; a row counts from the bound of the row above."""
    filled = [bound for each in by_model.values() for bound, count in each.items() if count]
    totals = {model: sum(each.values()) or 1 for model, each in by_model.items()}
    bounds = sorted({bound for each in by_model.values() for bound in each})
    return table(
        (f"{what} in a batch", *by_model),
        (
            (
                "more" if math.isinf(bound) else f"≤ {bound:.0f}",
                *(
                    f"{each[bound]} ({100 * each[bound] / totals[model]:.0f} %)"
                    for model, each in by_model.items()
                ),
            )
            for bound in bounds
            if filled and min(filled) <= bound <= max(filled)
        ),
    )


def requests(records: Mapping[str, Record]) -> str:
    """What became of each kind."""
    rows = []
    for name, record in records.items():
        shown = ["–"] * 2
        if record.milliseconds:
            latency = Latency.of(record.milliseconds)
            shown = [f"{latency.p50:.0f}", f"{latency.p99:.0f}"]
        errors = sum(record.errors.values())
        difference = f"{record.difference:.3f}" if record.difference else "–"
        rows.append((name, str(record.asked), str(record.refused), str(errors), *shown, difference))
    header = ("requests", "asked", "429", "errors", "p50, ms", "p99, ms", "difference of a score")
    return table(header, rows)


def process(samples: Sequence[Sample]) -> str:
    """The server's process over time."""
    step = max(1, (len(samples) - 1) // (SHOWN - 1))
    shown = [*samples[:-1:step], samples[-1]]
    return table(
        ("seconds", "memory", "descriptors", "threads"),
        (
            (
                f"{sample.seconds:.0f}",
                f"{sample.memory / MEGABYTE:.1f} MB",
                str(sample.descriptors),
                str(sample.threads),
            )
            for sample in shown
        ),
    )
