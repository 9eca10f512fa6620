"""Measurement of one artifact: its answers on the golden set, latency, size and behaviour."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from function.core.predictor import Predictor
from function.core.tokenization import Text, strings_of
from function.core.types import Options
from scripts.evaluate.behaviour import BehaviourCheck, check_behaviour, has_behaviour_checks
from scripts.evaluate.paired import Right
from scripts.gate.judgement import RequirementResult
from scripts.gate.settings import GateSettings


@dataclass(frozen=True)
class SliceAnswers:
    """Some rows of a golden set, and whether each is right in what the slice is about.

    Both arrays are (rows,) of the whole set.
    """

    rows: npt.NDArray[np.bool_]
    right: Right


@dataclass(frozen=True)
class ShownAnswer:
    """One row in words; an answer may have no score."""

    truth: str
    answer: str
    score: float | None


class GoldenAnswers(Protocol):
    """Answers of an artifact compared with the truth, in the order of the golden set."""

    @property
    def measure(self) -> str:
        """Name of the share of right answers."""

    @property
    def right(self) -> Right:
        """(rows,) whether each text was answered rightly."""

    @property
    def figures(self) -> Mapping[str, float]:
        """Figures as a manifest records them; `calibration_error` is one."""

    @property
    def scored(self) -> int:
        """Number of answers with a score, on which the calibration error is measured."""

    @property
    def support(self) -> npt.NDArray[np.float64]:
        """(rows,) how much each answer supports the truth, in [0, 1]."""

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the slices that this task knows, by name."""

    def show(self, row: int) -> ShownAnswer:
        """Return one row for people to read."""

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:
        """Judge what this task requires beyond `right`; without a champion, of a first model."""


@dataclass(frozen=True)
class Measurement:
    """One artifact as served; `behaviour` is None where the checks do not fit its labels."""

    model: str
    version: str
    digest: str
    labels: Sequence[str]
    answers: GoldenAnswers
    behaviour: Sequence[BehaviourCheck] | None
    median_ms: float  # of one answer to one text
    bytes: int


class Predicts(Protocol):
    """The part of a predictor that latency is measured on."""

    def predict(self, texts: Sequence[Text], options: Options) -> object: ...


def measure_model(predictor: Predictor, answers: GoldenAnswers, median_ms: float) -> Measurement:
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
