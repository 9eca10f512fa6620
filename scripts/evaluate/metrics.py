"""Figures of a classifier. Probabilities are (texts, labels), truth is (texts,) of label codes."""

import numpy as np
from scipy.stats import binomtest
from sklearn import metrics

from function.core.decoding import Probabilities, activate
from scripts.evaluate.evaluation import Codes

CALIBRATION_BINS = 15
LEAST = 1e-12  # a probability of nought would have no logarithm
TEMPERATURES = np.geomspace(0.2, 5.0, 400)


def figures(probabilities: Probabilities, truth: Codes) -> dict[str, float]:
    """Return the figures that a manifest records of one data set."""
    right = int((probabilities.argmax(1) == truth).sum())
    low, high = wilson_interval(right, len(truth))
    return {
        "texts": float(len(truth)),
        "accuracy": round(accuracy(probabilities, truth), 5),
        "accuracy_low": round(low, 5),
        "accuracy_high": round(high, 5),
        "macro_f1": round(macro_f1(probabilities, truth), 5),
        "calibration_error": round(calibration_error(probabilities, truth), 5),
        "log_loss": round(log_loss(probabilities, truth), 5),
    }


def accuracy(probabilities: Probabilities, truth: Codes) -> float:
    """Return the share of texts whose best label is the true one."""
    return float((probabilities.argmax(1) == truth).mean())


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which stays inside [0, 1]."""
    interval = binomtest(successes, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def macro_f1(probabilities: Probabilities, truth: Codes) -> float:
    """Return the mean F1 of the labels; one that neither occurs nor is predicted has 0."""
    labels = range(probabilities.shape[1])
    predicted = probabilities.argmax(1)
    return float(
        metrics.f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    )


def calibration_error(probabilities: Probabilities, truth: Codes) -> float:
    """Return the expected calibration error (Guo et al. 2017).

    It is the gap between confidence and accuracy, weighted over 15 bins of equal width.
    """
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(confidence[bins == index].mean() - correct[bins == index].mean())
        * (bins == index).mean()
        for index in np.unique(bins)
    ]
    return float(sum(gaps))


def log_loss(probabilities: Probabilities, truth: Codes) -> float:
    """Return the mean negative log-likelihood of the truth, in nats."""
    labels = range(probabilities.shape[1])
    return float(metrics.log_loss(truth, np.clip(probabilities, LEAST, None), labels=labels))


def fit_temperature(probabilities: Probabilities, truth: Codes) -> float:
    """Return the divisor of the logits with the least log loss on held-out texts.

    A temperature makes a confidence mean what it says: of the answers with 0.9, nine in ten are
    right (Guo et al. 2017, "On Calibration of Modern Neural Networks"). The probabilities are
    those of temperature 1, so that their logarithms serve as logits.
    """
    losses = [log_loss(rescale(probabilities, float(each)), truth) for each in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def rescale(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return the probabilities that another temperature would have given."""
    return activate(np.log(np.clip(probabilities, LEAST, None)) / temperature, "softmax")
