"""What a soak found, as Markdown."""

import json
from dataclasses import asdict

from scripts.benchmark.budgets import MEGABYTE
from scripts.benchmark.figures import Latency
from tests.soak import tables
from tests.soak.drain import Drained
from tests.soak.record import Record
from tests.soak.results import Results
from tests.soak.told import Told
from tests.soak.traffic import SHORT_KIND
from tests.soak.watch import FLAT, growth, leaked

SPARE = 4  # descriptors that a server may open for good


def render(results: Results) -> str:
    """Requests by kind, what the server read together, and its process over time."""
    records, drained = results.records, results.drained
    slope, share = growth(results.samples, results.seconds)
    asked = sum(record.asked for record in records.values())
    return "\n\n".join(
        [
            f"{asked} requests in {results.seconds:.0f} s.",
            tables.requests(records),
            *(
                f"{name}: {n} × {what}"
                for name, record in records.items()
                for what, n in record.errors.most_common()
            ),
            *_beside_long(records[SHORT_KIND] if SHORT_KIND in records else Record()),
            *_batches(results.told),
            tables.process(results.samples),
            f"In the second half memory changes by {slope / MEGABYTE:+.2f} MB a minute, "
            f"{100 * share:+.1f} % in all; flat is at most {100 * FLAT:.0f} %.",
            f"On SIGTERM {drained.asked} requests were under way: {drained.answered} were "
            f"answered, and it ended {_ending(drained)}.",
        ]
    )


def as_json(results: Results) -> str:
    """Every answer's time, every sample, and the rest as it is."""
    found = {
        "requests": {name: vars(record) for name, record in results.records.items()},
        "samples": [vars(sample) for sample in results.samples],
        "told": asdict(results.told),
        "drained": asdict(results.drained),
    }
    return json.dumps(found) + "\n"


def failures(results: Results) -> list[str]:
    """What should not have been; empty where all went well."""
    found = [
        f"{sum(record.errors.values())} of {record.asked} went wrong of: {name}"
        for name, record in results.records.items()
        if record.errors
    ]
    if growth(results.samples, results.seconds)[1] > FLAT:
        found.append("memory grows")
    if leaked(results.samples) > SPARE:
        found.append(f"{leaked(results.samples)} descriptors stay open")
    if results.told.failures:
        found.append(f"{results.told.failures} batches failed")
    if not results.drained.asked:
        found.append("nothing was under way on SIGTERM")
    if lost := results.drained.asked - results.drained.answered:
        found.append(f"{lost} requests under way got no answer on SIGTERM")
    if results.drained.code != 0:
        found.append(f"on SIGTERM it ended {_ending(results.drained)}")
    return found


def _ending(drained: Drained) -> str:
    if drained.code is None:
        return f"not within {drained.seconds:.0f} s"
    return f"after {drained.seconds:.1f} s with {drained.code}"


def _beside_long(short: Record) -> list[str]:
    """What short texts waited beside long ones, where there were any."""
    if not short.beside_long:
        return []
    latency = Latency.of(short.beside_long)
    return [
        f"Of {len(short.milliseconds)} short texts {latency.count} came while long ones were under "
        f"way, and waited {latency.p50:.0f} ms at the median, {latency.p99:.0f} ms at p99."
    ]


def _batches(told: Told) -> list[str]:
    padding = 1 - told.read / told.padded if told.padded else 0.0
    return [
        "What the server tells of the same time: "
        f"{told.refused} answers of 429, {told.failures} batches that failed. Batches:",
        tables.distribution("windows", told.windows),
        tables.distribution("tokens", told.tokens),
        f"Of what was read in them {100 * padding:.1f} % was padding.",
    ]
