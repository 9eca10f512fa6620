"""One run as a typed object, written to JSON as it is and read back from there."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from scripts.benchmark import figures
from scripts.benchmark.figures import GpuRound, Latency, Side, Spread
from scripts.benchmark.machine import Machine
from scripts.benchmark.plan import GpuPlan, Plan
from scripts.common.errors import CommandError

NUMBERS = re.compile(r"\[\s+([-+.\de]+(?:,\s+[-+.\de]+)*)\s+\]")


@dataclass(frozen=True)
class Verdict:
    """One budget: measured and limit as the page shows them, and the measured ratio."""

    budget: str
    measured: str
    limit: str
    ratio: float
    passed: bool


@dataclass(frozen=True)
class GpuResults:
    """One run on a GPU."""

    machine: Machine
    card: str  # the device that torch used
    plan: GpuPlan
    quick: bool
    command: str
    model: str
    texts: str
    matrix_rate: float  # operations a second of its bfloat16 products
    precision: str  # the type that our model computed in
    tokens: float  # of a text on average
    flops: float  # of a text on average
    rounds: list[GpuRound]
    budgets: list[Verdict]

    def rates(self, side: Side) -> dict[str, float]:
        """Return one side's texts a second, by batch or load: medians of the rounds."""
        return {
            name: median(each.rates(side)[name] for each in self.rounds)
            for name in self.rounds[0].rates(side)
        }

    def best(self, side: Side) -> str:
        """Return one side's fastest batch or load."""
        rates = self.rates(side)
        return max(rates, key=rates.__getitem__)

    def ratios(self, above: Side, below: Side) -> Spread:
        """Return one side at its best over another at its best, of each round."""
        ours, theirs = self.best(above), self.best(below)
        return Spread.of(
            [each.rates(above)[ours] / each.rates(below)[theirs] for each in self.rounds]
        )

    def latency(self, load: str) -> Latency:
        """Return the latency of all our server's answers under one load."""
        return Latency.of([one for each in self.rounds for one in each.server[load].milliseconds])


@dataclass(frozen=True)
class Results:
    """One run. Rows have the names that the page shows."""

    machine: Machine
    plan: Plan
    quick: bool
    command: str
    model: str
    texts: str
    # of the short text; of a review and a text under load on average; the most the model reads
    tokens: dict[str, float]
    agreement: float  # largest difference of a probability between both sides
    first_answer: dict[str, Spread]  # seconds
    latency: dict[str, dict[str, Latency]]  # by row, then length
    throughput: figures.Throughput
    bulk: figures.Bulk
    memory: dict[str, int]  # peak bytes
    installed: figures.Installed
    models: figures.Models
    signals: dict[str, figures.Signals]
    budgets: list[Verdict]
    gpu: GpuResults | None  # of this run or of another machine; None if not measured
    cascade: figures.CascadeFigures | None = None  # if the model has one
    cold_image: figures.ColdImage | None = None  # None without root


def as_json(results: Results | GpuResults) -> str:
    """Return indented JSON in which each list of numbers takes one line."""
    indented = json.dumps(asdict(results), indent=1)
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", indented) + "\n"


def read_gpu(path: Path) -> GpuResults | None:
    """Return the results of a run on a GPU; None if there is no such file. Raises CommandError."""
    if not path.exists():
        return None
    try:
        return TypeAdapter(GpuResults).validate_json(path.read_bytes())
    except ValueError as error:
        raise CommandError(f"{path}: no figures of a GPU, measure them again: {error}") from error


def write_results(path: Path, content: str) -> None:
    """Write a text file, and make its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
