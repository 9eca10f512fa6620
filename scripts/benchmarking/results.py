"""All that one run found; written to JSON as it stands here."""

from dataclasses import dataclass

from scripts.benchmarking.budgets import Verdict
from scripts.benchmarking.figures import Latency, Spread
from scripts.benchmarking.installed import Installed
from scripts.benchmarking.machine import Machine
from scripts.benchmarking.plan import Plan


@dataclass(frozen=True)
class Results:
    """One run. Rows are named as the page shows them.

    tokens: of the short text, of a review, of a text under load on average, and the most that is
    read. agreement: the largest difference of a probability between both sides. first_answer:
    seconds. latency: row, then length. throughput: texts a second, row, then clients. backend: the
    same of the session alone, by texts in a batch. memory: peak bytes.
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
    throughput: dict[str, dict[str, float]]
    backend: dict[str, float]
    memory: dict[str, int]
    installed: Installed
    budgets: list[Verdict]
