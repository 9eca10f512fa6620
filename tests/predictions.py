"""Prediction logs for tests: random lines of known kinds, and logs made of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from scripts.drift.check import DriftCheck
from scripts.drift.distributions import Reference, reference_of_log
from scripts.drift.prediction_log import PredictionLog, TimeRange, build_log
from tests.commands import REPOSITORY

START = datetime(2026, 11, 14, tzinfo=UTC)
EVER = TimeRange(None, datetime(2100, 1, 1, tzinfo=UTC))
PRODUCTION = REPOSITORY / "registry/sentiment/aliases/production.json"
VERSION = json.loads(PRODUCTION.read_text())["version"]


def log_lines(
    count: int,
    *,
    seed: int = 0,
    negative: float = 0.5,
    tokens: float = 200,
    pieces: float = 1.08,
    right: float | None = None,
    first: float | None = None,
    begin: datetime = START,
) -> Iterator[dict[str, Any]]:
    """Predictions a minute apart. negative: share of that label. tokens: the median. pieces: tokens
    a word. right: the share with right answers, where every text has feedback. first: the share of
    the first stage; None: lines without a stage."""
    generator, stages = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    for number in range(count):
        time = f"{begin + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S.000Z}"
        id_ = f"{begin:%d%H}-{seed}-{number}"
        label = "negative" if generator.random() < negative else "positive"
        size = max(2, int(generator.lognormal(np.log(tokens), 0.6)))
        stage = {} if first is None else {"stage": "first" if stages.random() < first else "full"}
        yield {
            "log": "prediction",
            "id": id_,
            "time": time,
            "model": "sentiment",
            "version": VERSION,
            "label": label,
            "score": float(1 - generator.beta(1, 8) / 2),
            "margin": 0.8,
            "characters": 5 * size,
            "tokens": size,
            "words": max(1, round(size / (pieces + abs(generator.normal(0, 0.03))))),
            "windows": 1,
            **stage,
        }
        if right is not None:
            other = "positive" if label == "negative" else "negative"
            truth = label if generator.random() < right else other
            yield {"log": "feedback", "id": id_, "time": time, "label": truth}


def a_log(count: int, **kind: Any) -> PredictionLog:
    return build_log(log_lines(count, **kind), EVER, "sentiment")


def a_reference(**kind: Any) -> Reference:
    """A healthy week of 2,000 texts."""
    return reference_of_log(a_log(2000, seed=99, **kind), "the first week")


def a_check(log: PredictionLog) -> DriftCheck:
    return DriftCheck("sentiment", VERSION, a_reference(right=0.93), log)
