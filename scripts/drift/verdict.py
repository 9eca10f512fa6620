"""The verdict on a window: drift, or none, or too quiet to tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest, chi2_contingency, fisher_exact

from scripts.drift.distributions import (
    FEATURES,
    Answers,
    Distribution,
    Distributions,
    Reference,
    answers_of,
    of_log,
)
from scripts.drift.prediction_log import Numbers, PredictionLog

# A bin has at least this share of the reference, and so many texts expected in the window, below
# which the chi-squared approximation is poor (Cochran 1954).
SMALLEST_SHARE, FEWEST_EXPECTED = 0.01, 5
# Added to each bin, so that an empty one has a logarithm (Jeffreys' prior of a multinomial).
PRIOR = 0.5
RESAMPLES = 2000
SEED = 7


@dataclass(frozen=True)
class Comparison:
    """One feature of a window beside the reference.

    effect: how far they are apart. band: what quiet traffic stays below in a window of this size,
    all but a share of `beyond`. p_value: of the two-sample test.
    """

    effect: float
    band: float
    p_value: float


def compare(reference: Distribution, window: Distribution, *, beyond: float) -> Comparison:
    """The PSI of a window, its band, and the chi-squared test of homogeneity.

    The band is a parametric bootstrap: the true shares are drawn from what the reference's
    finitely many texts leave open (Dirichlet), a window of the same size from those (multinomial).
    """
    parts = _merged(reference, window.texts)
    if len(parts) < 2:
        return Comparison(0.0, 0.0, 1.0)
    expected, found = (
        np.array([counts[part].sum() for part in parts])
        for counts in (reference.counts, window.counts)
    )
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(
        round(window.texts), generator.dirichlet(expected + PRIOR, RESAMPLES)
    )
    band = np.quantile(stability_index(expected, drawn.astype(float)), 1 - beyond)
    p_value = chi2_contingency(np.array([expected, found]), correction=False).pvalue
    return Comparison(float(stability_index(expected, found)), float(band), float(p_value))


def stability_index(reference: Numbers, window: Numbers) -> Numbers:
    """The population stability index, sum of (w - r) ln(w / r) over the shares of bins, which is
    Jeffreys' divergence (Jeffreys 1946; in use since Siddiqi 2006). window: (..., bins)."""
    r, w = (
        (counts + PRIOR) / (counts + PRIOR).sum(-1, keepdims=True) for counts in (reference, window)
    )
    index: Numbers = ((w - r) * np.log(w / r)).sum(-1)
    return index


def _merged(reference: Distribution, texts: float) -> Sequence[Numbers]:
    """Bins put together until each is large enough: neighbours of a number, rare labels at all."""
    least = max(SMALLEST_SHARE, FEWEST_EXPECTED / max(texts, 1)) * reference.texts
    order = np.arange(len(reference.counts))
    if reference.edges is None:
        order = np.argsort(-reference.counts, kind="stable")
    parts: list[list[int]] = [[]]
    for bin_ in order:
        if parts[-1] and reference.counts[parts[-1]].sum() >= least:
            parts.append([])
        parts[-1].append(int(bin_))
    if len(parts) > 1 and reference.counts[parts[-1]].sum() < least:
        parts[-2:] = [parts[-2] + parts[-1]]
    return [np.array(part) for part in parts]


CONFIDENCE = 0.95


def interval(answers: Answers) -> tuple[float, float]:
    """Of the accuracy: Wilson's score interval (Wilson 1927) at 95 %."""
    found = binomtest(answers.right, answers.judged).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def compare_accuracy(reference: Answers, window: Answers, *, beyond: float) -> Comparison:
    """The accuracy lost since the reference, in [-1, 1], what chance loses, and Fisher's exact
    test, one-sided: becoming better is no drift."""
    wrong = reference.judged - reference.right
    generator = np.random.default_rng(SEED)
    drawn = generator.binomial(
        window.judged,
        generator.beta(reference.right + PRIOR, wrong + PRIOR, RESAMPLES),
    )
    band = np.quantile(reference.accuracy - drawn / window.judged, 1 - beyond)
    table = np.array([[window.right, window.judged - window.right], [reference.right, wrong]])
    return Comparison(
        effect=reference.accuracy - window.accuracy,
        band=float(band),
        p_value=float(fisher_exact(table, alternative="less").pvalue),
    )


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
