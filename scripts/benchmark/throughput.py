"""Section 3: texts a second and how long each took, under load, beside the session alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benchmark.cells import Cell, ask
from scripts.benchmark.plan import BUDGET_CLIENTS, OFFLINE, Plan, Subject
from scripts.benchmark.processes import Running, serving, work
from scripts.benchmark.rounds import Round
from scripts.benchmark.services import instant_server
from scripts.benchmark.standing import standing
from scripts.common.progress import Progress

SERVER = "our server"
BASELINE = "plain transformers pipeline behind FastAPI"
BACKEND = "the backend alone, in its best batches"


@dataclass(frozen=True)
class Throughput:
    """rounds: all of them. backend, pipeline: texts a second in one process, by batch.

    best: the batch in which the backend was fastest, and read in all rounds.
    ceiling: requests a second of the load generator against a server that answers at once.
    """

    rounds: list[Round]
    backend: dict[str, float]
    best: str
    pipeline: dict[str, float]
    ceiling: float


def measure(
    subject: Subject, plan: Plan, texts: Sequence[str], ours: Running, baseline: Running
) -> Throughput:
    """Every level in every round, in every other round the other way round, so that a machine that
    grows slower helps nobody. The level that has a budget comes twice."""
    job = {"model": str(subject.model), "threads": subject.settings.threads, "texts": texts}
    rounds = []
    with (
        standing("scripts.benchmark.backend_alone", job, {}) as backend,
        Progress("load, rounds", plan.rounds * len(plan.clients)) as progress,
    ):
        first = {"batches": plan.batches, "start": 0, "step": 2, "parts": plan.parts}
        rates: dict[str, float] = backend(first)
        best = max(rates, key=rates.__getitem__)
        sides = _Sides(backend, best, ours, baseline, texts, plan.seconds)
        for number in range(plan.rounds):
            for clients in plan.clients:
                rounds.append(sides.all(clients, backwards=number % 2 == 1))
                if clients == BUDGET_CLIENTS:
                    rounds.append(sides.ours_beside_backend(clients))
                progress.advance(1)
    return Throughput(rounds, rates, best, _pipeline(subject, plan, texts), _ceiling(plan, texts))


@dataclass(frozen=True)
class _Sides:
    """Who takes turns."""

    backend: Callable[[Mapping[str, Any]], Any]
    best: str
    ours: Running
    baseline: Running
    texts: Sequence[str]
    seconds: float

    def all(self, clients: int, *, backwards: bool) -> Round:
        if backwards:
            pipeline = self._load(self.baseline, clients)
            found = self.ours_beside_backend(clients)
        else:
            found = self.ours_beside_backend(clients)
            pipeline = self._load(self.baseline, clients)
        return Round(clients, found.backend, found.ours, pipeline)

    def ours_beside_backend(self, clients: int) -> Round:
        """The session reads one half of the texts before and one after."""
        before = self._half(0)
        ours = self._load(self.ours, clients)
        return Round(clients, round(2 / (1 / before + 1 / self._half(1)), 3), ours, None)

    def _half(self, start: int) -> float:
        asked = {"batches": [self.best], "start": start, "step": 2, "parts": 1}
        rate: float = self.backend(asked)[self.best]
        return rate

    def _load(self, running: Running, clients: int) -> Cell:
        return ask(running, self.texts, clients=clients, seconds=self.seconds)


def _pipeline(subject: Subject, plan: Plan, texts: Sequence[str]) -> dict[str, float]:
    job = {
        "checkpoint": str(subject.checkpoint),
        "texts": texts[::2],  # as dealt, half of them are as long as all
        "device": "cpu",
        "precisions": ["float32"],
        "batches": plan.pipeline_batches,
        "workers": [0],
        "parts": plan.parts,
    }
    found: dict[str, float] = work("scripts.benchmark.pipeline_alone", job, OFFLINE)
    return found


def _ceiling(plan: Plan, texts: Sequence[str]) -> float:
    with serving(instant_server(), texts[0]) as instant:
        return ask(
            instant, texts, clients=plan.clients[-1], seconds=plan.ceiling_seconds
        ).texts_per_second
