"""What a soak found, as Markdown."""

import json
from collections.abc import Mapping, Sequence

from scripts.benchmarking.budgets import MEGABYTE
from scripts.benchmarking.figures import Latency
from scripts.benchmarking.tables import table
from scripts.soaking.record import Record
from scripts.soaking.watch import FLAT, Sample, growth, leaked

SHOWN = 12  # samples in the table
SPARE = 4  # descriptors that a server may open for good


def render(seconds: float, records: Mapping[str, Record], samples: Sequence[Sample]) -> str:
    """Requests by kind, and the process over time."""
    slope, share = growth(samples, seconds)
    asked = sum(record.asked for record in records.values())
    return "\n\n".join(
        [
            f"{asked} requests in {seconds:.0f} s.",
            _requests(records),
            *(
                f"{name}: {n} × {what}"
                for name, record in records.items()
                for what, n in record.errors.most_common()
            ),
            _process(samples),
            f"In the second half memory changes by {slope / MEGABYTE:+.2f} MB a minute, "
            f"{100 * share:+.1f} % in all; flat is at most {100 * FLAT:.0f} %.",
        ]
    )


def as_json(records: Mapping[str, Record], samples: Sequence[Sample]) -> str:
    """Every answer's time and every sample."""
    found = {
        "requests": {name: vars(record) for name, record in records.items()},
        "samples": [vars(sample) for sample in samples],
    }
    return json.dumps(found) + "\n"


def failures(seconds: float, records: Mapping[str, Record], samples: Sequence[Sample]) -> list[str]:
    """What should not have been; empty where all went well."""
    found = [
        f"{sum(record.errors.values())} of {record.asked} went wrong of: {name}"
        for name, record in records.items()
        if record.errors
    ]
    if growth(samples, seconds)[1] > FLAT:
        found.append("memory grows")
    if leaked(samples) > SPARE:
        found.append(f"{leaked(samples)} descriptors stay open")
    return found


def _requests(records: Mapping[str, Record]) -> str:
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


def _process(samples: Sequence[Sample]) -> str:
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
