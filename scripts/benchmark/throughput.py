"""Section 3: texts a second and their latency under load, compared with the session alone."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from scripts.benchmark.figures import LoadRound, LoadRun, Throughput
from scripts.benchmark.plan import BUDGET_CLIENTS, OFFLINE, Plan, Subject
from scripts.benchmark.processes import (
    ALIKE,
    Running,
    echo_server,
    persistent_worker,
    request_body,
    serving,
    work,
)
from scripts.common.progress import Progress

Item = TypeVar("Item")

SERVER = "our server"
BASELINE = "plain transformers pipeline behind FastAPI"
BACKEND = "the backend alone, in its best batches"


def ask(
    running: Running,
    texts: Sequence[str],
    *,
    clients: int,
    seconds: float = 1e9,
    answers: int = 1_000_000_000,
    texts_a_request: int = 1,
    parameters: Mapping[str, Any] = ALIKE,
) -> LoadRun:
    """Put a server under load until `seconds` or `answers` are measured: see `load.Load`.

    Raises CommandError if an answer was not 200.
    """
    bodies: list[str | Sequence[str]] = list(texts)
    if texts_a_request > 1:
        starts = range(0, len(texts) - texts_a_request + 1, texts_a_request)
        bodies = [texts[start : start + texts_a_request] for start in starts]
    job: dict[str, Any] = {
        "port": running.port,
        "path": running.path,
        "bodies": [request_body(body, parameters) for body in bodies],
        "clients": clients,
        "seconds": seconds,
        "answers": answers,
        "benchmark": os.getpid(),
    }
    done = work("load", job, {})
    answered = len(done["milliseconds"]) * texts_a_request
    return LoadRun(
        round(answered / done["seconds"], 3),
        [round(milliseconds, 2) for milliseconds in done["milliseconds"]],
        round(done["generator"], 4),
        round(done["elsewhere"], 3),
    )


class BackendRates(NamedTuple):
    """The session alone in a persistent worker, which reads texts when it is its turn."""

    worker: Callable[[Mapping[str, Any]], Any]

    def rates(self, batches: Sequence[str], start: int, parts: int = 1) -> dict[str, float]:
        """Return texts a second, by batch, of every second text."""
        asked = {"batches": batches, "start": start, "step": 2, "parts": parts}
        found: dict[str, float] = self.worker(asked)
        return found

    def around(self, batch: str, measured: Callable[[], Item]) -> tuple[float, Item]:
        """Return texts a second of half the texts before and half after, and what ran between."""
        before = self.rates([batch], 0)[batch]
        between = measured()
        return 2 / (1 / before + 1 / self.rates([batch], 1)[batch]), between


@contextmanager
def backend_alone(
    subject: Subject, texts: Sequence[str], *, whole: bool = False
) -> Iterator[BackendRates]:
    """Start the session alone over the tokens of these texts, `whole` or truncated."""
    job = {
        "model": str(subject.model),
        "threads": subject.settings.threads,
        "texts": texts,
        "whole": whole,
    }
    with persistent_worker("backend", job, {}) as worker:
        yield BackendRates(worker)


def measure_throughput(
    subject: Subject, plan: Plan, texts: Sequence[str], ours: Running, baseline: Running
) -> Throughput:
    """Measure every level in every round, and the level that has a budget twice.

    Every second round runs in reverse order, so that a machine that slows down favours no side.
    """
    rounds = []
    with (
        backend_alone(subject, texts) as backend,
        Progress("load, rounds", plan.rounds * len(plan.clients)) as progress,
    ):
        rates = backend.rates(plan.batches, 0, plan.parts)
        best = max(rates, key=rates.__getitem__)

        def load(running: Running, clients: int) -> LoadRun:
            return ask(running, texts, clients=clients, seconds=plan.seconds)

        def one_round(clients: int) -> LoadRound:
            alone, run = backend.around(best, lambda: load(ours, clients))
            return LoadRound(clients, round(alone, 3), run, None)

        for number in range(plan.rounds):
            for clients in plan.clients:
                first = load(baseline, clients) if number % 2 else None
                found = one_round(clients)
                rounds.append(replace(found, pipeline=first or load(baseline, clients)))
                if clients == BUDGET_CLIENTS:
                    rounds.append(one_round(clients))
                progress.advance(1)
    return Throughput(rounds, rates, best, _pipeline(subject, plan, texts), _ceiling(plan, texts))


def _pipeline(subject: Subject, plan: Plan, texts: Sequence[str]) -> dict[str, float]:
    job = {
        "checkpoint": str(subject.checkpoint),
        "texts": texts[::2],  # mixed by length: half of them are as long as all
        "device": "cpu",
        "precisions": ["float32"],
        "batches": plan.pipeline_batches,
        "workers": [0],
        "parts": plan.parts,
    }
    found: dict[str, float] = work("pipeline_rates", job, OFFLINE)
    return found


def _ceiling(plan: Plan, texts: Sequence[str]) -> float:
    with serving(echo_server(), texts[0]) as echo:
        return ask(
            echo, texts, clients=plan.clients[-1], seconds=plan.ceiling_seconds
        ).texts_per_second
