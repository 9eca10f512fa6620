"""All that one run found; written to JSON as it stands here."""

from dataclasses import dataclass

from scripts.benchmark.budgets import Verdict
from scripts.benchmark.bulk import Bulk
from scripts.benchmark.figures import Latency, Spread
from scripts.benchmark.gpu_results import GpuResults
from scripts.benchmark.installed import Installed
from scripts.benchmark.machine import Machine
from scripts.benchmark.models import Models
from scripts.benchmark.plan import Plan
from scripts.benchmark.signals import Signals
from scripts.benchmark.throughput import Throughput


@dataclass(frozen=True)
class Results:
    """One run. Rows are named as the page shows them.

    tokens: of the short text, of a review, of a text under load on average, and the most that is
    read. agreement: the largest difference of a probability between both sides. first_answer:
    seconds. latency: row, then length. memory: peak bytes. gpu: of this run or of another machine,
    None where nobody has measured it.
    """

    machine: Machine
    plan: Plan
    quick: bool
    command: str
    model: str
    texts: str
    tokens: dict[str, float]
    agreement: float
    first_answer: dict[str, Spread]
    latency: dict[str, dict[str, Latency]]
    throughput: Throughput
    bulk: Bulk
    memory: dict[str, int]
    installed: Installed
    models: Models
    signals: dict[str, Signals]
    budgets: list[Verdict]
    gpu: GpuResults | None
