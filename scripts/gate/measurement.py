"""What the gate knows of one artifact: its answers on the golden set, its cost, its manners."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Protocol

from function.core.predictor import Predictor
from function.core.types import Options
from scripts.evaluate.behaviour import Check, check_behaviour, is_behaving
from scripts.gate.answers import Answers
from scripts.gate.golden_set import GoldenSet


@dataclass(frozen=True)
class Measurement:
    """One artifact as served.

    answers: to the golden set. behaviour: None where the checks do not apply to its task or its
    labels. median_ms: of one answer to one text. bytes: of its files.
    """

    model: str
    version: str
    digest: str
    labels: Sequence[str]
    answers: Answers
    behaviour: Sequence[Check] | None
    median_ms: float
    bytes: int


class Answering(Protocol):
    """The part of a predictor that latency is measured on."""

    def predict(self, texts: Sequence[str], options: Options) -> object: ...


def describe(predictor: Predictor, answers: Answers, median_ms: float) -> Measurement:
    """Put together what was measured, and run the behavioural checks where they apply."""
    artifact = predictor.artifact
    return Measurement(
        model=artifact.manifest.model,
        version=artifact.version,
        digest=artifact.digest,
        labels=predictor.labels,
        answers=answers,
        behaviour=check_behaviour(predictor) if is_behaving(artifact.manifest) else None,
        median_ms=median_ms,
        bytes=sum(entry.bytes for entry in artifact.manifest.files.values()),
    )


def latency_texts(golden: GoldenSet[Any], count: int) -> list[str]:
    """Texts spread evenly over the lengths of the golden set, each again where there are few."""
    by_length = sorted(golden.texts, key=lambda text: (len(text), text))
    return [by_length[index * len(by_length) // count] for index in range(count)]


def median_latencies(
    predictors: Sequence[Answering],
    texts: Sequence[str],
    clock: Callable[[], float] = perf_counter,
) -> list[float]:
    """Median milliseconds of each predictor's answers to single texts.

    They take turns on every text, and take turns in going first: a machine that slows down or
    speeds up meanwhile does so for all. clock: seconds.
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
