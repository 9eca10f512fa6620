"""Logits to calibrated probabilities."""

import numpy as np
import numpy.typing as npt

from function.core.backend import Logits
from function.core.errors import PredictionError

Probabilities = npt.NDArray[np.float64]


def softmax(logits: Logits | Probabilities, temperature: float) -> Probabilities:
    """(texts, labels) probabilities of logits divided by a temperature (Guo et al. 2017,
    "On Calibration of Modern Neural Networks"). Raises PredictionError where one is not finite.
    """
    scaled = logits.astype(np.float64) / temperature
    if not np.isfinite(scaled).all():
        raise PredictionError("the model answered with numbers that are not finite")
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
