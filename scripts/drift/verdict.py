"""The verdict on a window: drift, no drift, or too few texts to decide.

Each feature of the window is compared with the reference: how far the two distributions are apart,
and how surely. With feedback on both sides the accuracy is compared as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest, chi2_contingency, fisher_exact

from scripts.drift.distributions import (
    FEATURES,
    Distribution,
    Distributions,
    FeedbackCounts,
    Reference,
    count_feedback,
    window_distributions,
)
from scripts.drift.prediction_log import Numbers, PredictionLog

ACCURACY = "accuracy"
FEWEST = 50  # texts of a window, or answers with feedback, that a verdict needs
# How often quiet traffic may exceed a band, and how often any test of a window may be wrong.
ERROR = 0.01
# The least change that matters: a PSI of 0.1 is where credit scoring, its home, begins to speak of
# a shift (Siddiqi 2006); three points of accuracy are ten times what int8 may cost.
LEAST_INDEX, LEAST_LOSS = 0.1, 0.03
# A bin has at least this share of the reference, and this many texts expected in the window, below
# which the chi-squared approximation is poor (Cochran 1954).
SMALLEST_SHARE, FEWEST_EXPECTED = 0.01, 5
# Added to each bin, so that an empty one has a logarithm (Jeffreys' prior of a multinomial).
PRIOR = 0.5
RESAMPLES = 2000
SEED = 7
CONFIDENCE = 0.95

DriftStatus = Literal["drift", "no drift", "quiet"]


@dataclass(frozen=True)
class Comparison:
    """One feature of a window compared with the reference."""

    effect: float  # distance between the two: a PSI, or the accuracy lost
    band: float  # quiet windows of this size stay below, except a share `beyond`
    p_value: float  # of the two-sample test


@dataclass(frozen=True)
class FeatureResult:
    """The comparison of one feature against its thresholds."""

    feature: str  # one of FEATURES, or ACCURACY
    effect: float  # as in `Comparison`
    band: float  # as in `Comparison`
    least: float  # below this distance a change does not matter
    p_value: float  # after Holm's correction for the number of features

    @property
    def drifted(self) -> bool:
        """Return whether the distance matters, exceeds the band, and is not chance."""
        return self.effect > max(self.least, self.band) and self.p_value < ERROR


@dataclass(frozen=True)
class DriftVerdict:
    """The result of comparing a window with a reference."""

    texts: int  # in the window
    results: Sequence[FeatureResult]  # one per feature; empty if there are too few texts
    window: Distributions
    feedback: FeedbackCounts | None  # in the window; None if there is none

    @property
    def status(self) -> DriftStatus:
        if self.drifted:
            return "drift"
        return "no drift" if self.results else "quiet"

    @property
    def drifted(self) -> Sequence[FeatureResult]:
        """Return the results that are drift: accuracy first, then the largest effect."""
        found = [result for result in self.results if result.drifted]
        return sorted(found, key=lambda each: (each.feature != ACCURACY, -each.effect))


def judge_drift(reference: Reference, log: PredictionLog) -> DriftVerdict:
    """Compare every feature that both have, and the accuracy if both have feedback."""
    window = window_distributions(log, reference.distributions)
    feedback = count_feedback(log.correct)
    if len(log) < FEWEST:
        return DriftVerdict(len(log), [], window, feedback)
    compared = dict(_compare_features(reference, window, feedback))
    p_values = holm({feature: each.p_value for feature, each in compared.items()})
    results = [
        FeatureResult(feature, each.effect, each.band, least_effect(feature), p_values[feature])
        for feature, each in compared.items()
    ]
    return DriftVerdict(len(log), results, window, feedback)


def least_effect(feature: str) -> float:
    """Return the distance below which a change of this feature does not matter."""
    return LEAST_LOSS if feature == ACCURACY else LEAST_INDEX


def _compare_features(
    reference: Reference, window: Distributions, feedback: FeedbackCounts | None
) -> Iterator[tuple[str, Comparison]]:
    known = reference.feedback
    if feedback and known and min(feedback.judged, known.judged) >= FEWEST:
        yield ACCURACY, compare_accuracy(known, feedback, beyond=ERROR)
    for feature in FEATURES:
        if feature in window and window[feature].texts >= FEWEST:
            compared = compare_distributions(
                reference.distributions[feature], window[feature], beyond=ERROR
            )
            yield feature, compared


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for their number (Holm 1979).

    The chance of any false one then stays below the level that they are compared with, however
    they depend on each other.
    """
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = largest
    return corrected


def compare_distributions(
    reference: Distribution, window: Distribution, *, beyond: float
) -> Comparison:
    """Return the PSI of a window, its band, and the p-value of the test of homogeneity.

    That is the chi-squared test, or of two bins Fisher's exact one.

    The band is a parametric bootstrap: the true shares are drawn from what the reference's
    finitely many texts leave open (Dirichlet), a window of the same size from those (multinomial).
    """
    parts = _merge_bins(reference, window.texts)
    expected, found = (
        np.array([counts[part].sum() for part in parts])
        for counts in (reference.counts, window.counts)
    )
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(
        round(window.texts), generator.dirichlet(expected + PRIOR, RESAMPLES)
    )
    band = np.quantile(stability_index(expected, drawn.astype(float)), 1 - beyond)
    table = np.array([expected, found])
    exact = len(parts) == 2  # one of them may be too small for the approximation
    p_value = (
        fisher_exact(np.rint(table)).pvalue
        if exact
        else chi2_contingency(table, correction=False).pvalue
    )
    return Comparison(float(stability_index(expected, found)), float(band), float(p_value))


def stability_index(reference: Numbers, window: Numbers) -> Numbers:
    """Return the population stability index, the sum of (w - r) ln(w / r) over shares of bins.

    It is Jeffreys' divergence (Jeffreys 1946; in use since Siddiqi 2006). window: (..., bins).
    """
    r, w = (
        (counts + PRIOR) / (counts + PRIOR).sum(-1, keepdims=True) for counts in (reference, window)
    )
    index: Numbers = ((w - r) * np.log(w / r)).sum(-1)
    return index


def _merge_bins(reference: Distribution, texts: float) -> Sequence[Numbers]:
    """Merge bins until each is large enough: neighbours of a number, the rarest labels.

    Where one bin has nearly all, the others stay a part of their own, else nothing could be seen.
    """
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
    if len(parts) == 1:
        largest = int(reference.counts.argmax())
        parts = [[largest], [bin_ for bin_ in parts[0] if bin_ != largest]]
    return [np.array(part, dtype=np.intp) for part in parts]


def compare_accuracy(
    reference: FeedbackCounts, window: FeedbackCounts, *, beyond: float
) -> Comparison:
    """Return the accuracy lost since the reference, in [-1, 1], its band, and Fisher's exact test.

    The test is one-sided: becoming better is no drift.
    """
    wrong = reference.judged - reference.right
    generator = np.random.default_rng(SEED)
    drawn = generator.binomial(
        window.judged, generator.beta(reference.right + PRIOR, wrong + PRIOR, RESAMPLES)
    )
    band = np.quantile(reference.accuracy - drawn / window.judged, 1 - beyond)
    table = np.array([[window.right, window.judged - window.right], [reference.right, wrong]])
    return Comparison(
        effect=reference.accuracy - window.accuracy,
        band=float(band),
        p_value=float(fisher_exact(table, alternative="less").pvalue),
    )


def accuracy_interval(feedback: FeedbackCounts) -> tuple[float, float]:
    """Return Wilson's score interval of the accuracy (Wilson 1927) at 95 %."""
    found = binomtest(feedback.right, feedback.judged).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)
