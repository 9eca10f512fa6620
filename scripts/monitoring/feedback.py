"""Whether answers have become worse, where people told the right ones."""

import numpy as np
from scipy.stats import binomtest, fisher_exact

from scripts.monitoring.comparison import PRIOR, RESAMPLES, SEED, Comparison
from scripts.monitoring.reference import Answers

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
