"""One server under one load."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benchmark.processes import Running, request_body, work


@dataclass(frozen=True)
class Cell:
    """texts_per_second: while all clients asked. milliseconds: of each answer.

    generator, elsewhere: cores that the load generator took meanwhile, and what else ran here.
    """

    texts_per_second: float
    milliseconds: list[float]
    generator: float
    elsewhere: float


def ask(
    running: Running,
    texts: Sequence[str],
    *,
    clients: int,
    seconds: float = 1e9,
    answers: int = 1_000_000_000,
    texts_a_request: int = 1,
) -> Cell:
    """Keep `clients` asking, and measure for so many seconds or answers (see `load`).

    Raises CommandError where an answer is not 200.
    """
    bodies: list[str | Sequence[str]] = list(texts)
    if texts_a_request > 1:
        starts = range(0, len(texts) - texts_a_request + 1, texts_a_request)
        bodies = [texts[start : start + texts_a_request] for start in starts]
    job: dict[str, Any] = {
        "port": running.port,
        "path": running.path,
        "bodies": [request_body(body) for body in bodies],
        "clients": clients,
        "seconds": seconds,
        "answers": answers,
        "benchmark": os.getpid(),
    }
    done = work("scripts.benchmark.load", job, {})
    answered = len(done["milliseconds"]) * texts_a_request
    return Cell(
        round(answered / done["seconds"], 3),
        [round(milliseconds, 2) for milliseconds in done["milliseconds"]],
        round(done["generator"], 4),
        round(done["elsewhere"], 3),
    )
