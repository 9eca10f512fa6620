"""Figures of a classifier. Probabilities are (texts, labels), truth is (texts,) of label codes."""

import math

import numpy as np
import numpy.typing as npt

from function.core.decoding import activate

Probabilities = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

CALIBRATION_BINS = 15


def accuracy(probabilities: Probabilities, truth: Codes) -> float:
    """Share of texts whose best label is the true one."""
    return float((probabilities.argmax(1) == truth).mean())


def wilson_interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), which stays inside [0, 1]."""
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    spread /= 1 + z * z / count
    return max(0.0, centre - spread), min(1.0, centre + spread)


def calibration_error(probabilities: Probabilities, truth: Codes) -> float:
    """Expected calibration error (Guo et al. 2017): the gap between confidence and accuracy,
    weighted over 15 bins of equal width.
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


def macro_f1(probabilities: Probabilities, truth: Codes) -> float:
    """Mean over labels of the harmonic mean of precision and recall."""
    predicted = probabilities.argmax(1)
    scores = []
    for label in range(probabilities.shape[1]):
        true_positive = int(((predicted == label) & (truth == label)).sum())
        claimed, present = int((predicted == label).sum()), int((truth == label).sum())
        scores.append(2 * true_positive / (claimed + present) if claimed + present else 0.0)
    return float(np.mean(scores))


def log_loss(probabilities: Probabilities, truth: Codes) -> float:
    """Mean negative log-likelihood of the truth, in nats."""
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(chosen, 1e-12, None)).mean())


def figures(probabilities: Probabilities, truth: Codes) -> dict[str, float]:
    """What a manifest records of one data set."""
    share = accuracy(probabilities, truth)
    low, high = wilson_interval(share, len(truth))
    return {
        "texts": float(len(truth)),
        "accuracy": round(share, 5),
        "accuracy_low": round(low, 5),
        "accuracy_high": round(high, 5),
        "macro_f1": round(macro_f1(probabilities, truth), 5),
        "calibration_error": round(calibration_error(probabilities, truth), 5),
        "log_loss": round(log_loss(probabilities, truth), 5),
    }


CANDIDATES = np.geomspace(0.2, 5.0, 400)


def fit_temperature(probabilities: Probabilities, truth: Codes) -> float:
    """The divisor of the logits with the least log loss on held-out texts (Guo et al. 2017).

    probabilities: as answered with temperature 1, so that their logarithms serve as logits.
    """
    losses = [
        log_loss(rescale(probabilities, float(temperature)), truth) for temperature in CANDIDATES
    ]
    return round(float(CANDIDATES[int(np.argmin(losses))]), 4)


def rescale(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Probabilities as another temperature would have given them."""
    return activate(np.log(np.clip(probabilities, 1e-12, None)), temperature, "softmax")
