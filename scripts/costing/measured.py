"""How long an answer takes on one core, which is what Lambda's 1,769 MB come with."""

import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.benchmark import latency, machine, plan, texts
from scripts.benchmark.worker import Tokens
from scripts.evaluate.evaluation import open_predictor

COUNT, BLOCK, REVIEWS = 160, 8, 8


@dataclass(frozen=True)
class Measured:
    """milliseconds: the median of warm answers to reviews of `tokens` tokens, one at a time."""

    milliseconds: float
    tokens: float
    cpu: str
    date: str
    model: str
    command: str = "python -m scripts.costs --measure"


def measure() -> Measured:
    """Ask the handler in a process that has one core and one thread."""
    subject = plan.subject(sys.executable)
    predictor = open_predictor(subject.model)
    tokens = Tokens(predictor.artifact)
    pool = texts.made_up(4 * REVIEWS)
    lengths = [len(tokens.of(text)) for text in pool]
    reviews = texts.closest(pool, lengths, plan.REVIEW_TOKENS, REVIEWS)
    described, info = machine.describe(), predictor.artifact.manifest
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # and that of the process to come
    try:
        answered = latency.through_handler(subject, reviews, COUNT, BLOCK, threads=1)
    finally:
        os.sched_setaffinity(0, allowed)
    return Measured(
        round(statistics.median(answered["handler"]), 1),
        round(statistics.mean(len(tokens.of(text)) for text in reviews)),
        described.cpu.partition(",")[0],
        described.date,
        info.model,
    )


def read(path: Path) -> Measured:
    """What was measured last."""
    return Measured(**json.loads(path.read_text(encoding="utf-8")))


def write(path: Path, measured: Measured) -> None:
    path.write_text(json.dumps(asdict(measured), indent=1) + "\n", encoding="utf-8")
