"""Measurement of one artifact: its answers on the golden set, latency, size and behaviour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Protocol

from function.core.predictor import Predictor
from function.core.tokenization import Text, strings_of
from function.core.types import Options
from scripts.evaluate.answers import Answers
from scripts.evaluate.behaviour import BehaviourCheck, check_behaviour, has_behaviour_checks


@dataclass(frozen=True)
class Measurement:
    """One artifact as served; `behaviour` is None where the checks do not fit its labels."""

    model: str
    version: str
    digest: str
    labels: Sequence[str]
    answers: Answers[Any]
    behaviour: Sequence[BehaviourCheck] | None
    median_ms: float  # of one answer to one text
    bytes: int


class Predicts(Protocol):
    """The part of a predictor that latency is measured on."""

    def predict(self, texts: Sequence[Text], options: Options) -> object: ...


def measure_model(predictor: Predictor, answers: Answers[Any], median_ms: float) -> Measurement:
    """Run the behavioural checks where they fit, and put together all that was measured."""
    artifact = predictor.artifact
    fits = has_behaviour_checks(artifact.manifest)
    return Measurement(
        model=artifact.manifest.model,
        version=artifact.version,
        digest=artifact.digest,
        labels=predictor.labels,
        answers=answers,
        behaviour=check_behaviour(predictor) if fits else None,
        median_ms=median_ms,
        bytes=sum(entry.bytes for entry in artifact.manifest.files.values()),
    )


def latency_texts(texts: Sequence[Text], count: int) -> list[Text]:
    """Return texts spread evenly over the lengths; where they are few, each several times."""
    by_length = sorted(texts, key=lambda text: (len(text), strings_of(text)))
    return [by_length[index * len(by_length) // count] for index in range(count)]


def median_latencies(
    predictors: Sequence[Predicts],
    texts: Sequence[Text],
    clock: Callable[[], float] = perf_counter,
) -> list[float]:
    """Return the median milliseconds of each predictor's answers to single texts.

    They take turns on every text, and take turns in going first: a machine that slows down or
    speeds up meanwhile does so for all.
    """
    taken: list[list[float]] = [[] for _ in predictors]
    for predictor in predictors:
        predictor.predict([texts[0]], Options())
    turns = list(range(len(predictors)))
    for text in texts:
        for turn in turns:
            started = clock()
            predictors[turn].predict([text], Options())
            taken[turn].append(1000 * (clock() - started))
        turns.reverse()
    return [median(milliseconds) for milliseconds in taken]
