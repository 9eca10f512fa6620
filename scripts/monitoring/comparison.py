"""Whether a window's spread differs from the reference's: how much, and how surely."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from scripts.monitoring.distributions import Distribution
from scripts.monitoring.prediction_log import Numbers

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
