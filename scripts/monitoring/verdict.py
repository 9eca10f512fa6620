"""The verdict on a window: drift, or none, or too quiet to tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scripts.monitoring.comparison import Comparison, compare
from scripts.monitoring.distributions import FEATURES, Distributions, of_log
from scripts.monitoring.feedback import compare_accuracy
from scripts.monitoring.prediction_log import PredictionLog
from scripts.monitoring.reference import Answers, Reference, answers_of

ACCURACY = "accuracy"
FEWEST = 50  # texts of a window, or answers with feedback, below which nothing is said
# How often quiet traffic may be beyond a band, and all tests of a window be wrong together.
ERROR = 0.01
# What matters at all: a PSI of 0.1 is where credit scoring, its home, begins to speak of a shift
# (Siddiqi 2006); three points of accuracy are ten times what int8 may cost.
LEAST_INDEX, LEAST_LOSS = 0.1, 0.03

Word = Literal["drift", "no drift", "quiet"]


@dataclass(frozen=True)
class Finding:
    """What one feature came to. effect: a PSI, or the accuracy lost. least: below which it does
    not matter. p_value: after Holm's correction for the number of features. drifted: all three
    agree."""

    feature: str
    effect: float
    band: float
    least: float
    p_value: float

    @property
    def drifted(self) -> bool:
        return self.effect > max(self.least, self.band) and self.p_value < ERROR


@dataclass(frozen=True)
class Verdict:
    """window: how it is spread, by feature. answers: those with feedback, None without any."""

    texts: int
    findings: Sequence[Finding]
    window: Distributions
    answers: Answers | None

    @property
    def word(self) -> Word:
        if self.drifted:
            return "drift"
        return "no drift" if self.findings else "quiet"

    @property
    def drifted(self) -> Sequence[Finding]:
        """The findings that make it drift, the largest first, of accuracy before all."""
        found = [finding for finding in self.findings if finding.drifted]
        return sorted(found, key=lambda each: (each.feature != ACCURACY, -each.effect))


def judge(reference: Reference, log: PredictionLog) -> Verdict:
    """Compare every feature that both have, and the accuracy where both have feedback."""
    window, answers = of_log(log, reference.distributions), answers_of(log.correct)
    if len(log) < FEWEST:
        return Verdict(len(log), [], window, answers)
    compared = dict(_compared(reference, window, answers))
    p_values = holm({feature: each.p_value for feature, each in compared.items()})
    findings = [
        Finding(
            feature,
            each.effect,
            each.band,
            LEAST_LOSS if feature == ACCURACY else LEAST_INDEX,
            p_values[feature],
        )
        for feature, each in compared.items()
    ]
    return Verdict(len(log), findings, window, answers)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for their number, so that the chance of any false one stays below the
    level that they are held against, however they depend on each other (Holm 1979)."""
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = largest
    return corrected


def _compared(
    reference: Reference, window: Distributions, answers: Answers | None
) -> Iterator[tuple[str, Comparison]]:
    known = reference.answers
    if answers and known and min(answers.judged, known.judged) >= FEWEST:
        yield ACCURACY, compare_accuracy(known, answers, beyond=ERROR)
    for feature in FEATURES:
        if feature in window and window[feature].texts >= FEWEST:
            yield (
                feature,
                compare(reference.distributions[feature], window[feature], beyond=ERROR),
            )
