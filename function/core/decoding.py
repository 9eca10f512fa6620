"""Logits to scores: calibrated probabilities, unless the caller asked for something else."""

import numpy as np
import numpy.typing as npt

from function.core.backend import Logits
from function.core.errors import PredictionError
from function.core.types import Activation

Probabilities = npt.NDArray[np.float64]


def activate(
    logits: Logits | Probabilities, temperature: float, activation: Activation
) -> Probabilities:
    """(texts, labels) scores of logits divided by a temperature (Guo et al. 2017, "On Calibration
    of Modern Neural Networks"). `none` returns those quotients, so that their softmax is what
    `softmax` returns. Raises PredictionError where one is not finite.
    """
    scaled = logits.astype(np.float64) / temperature
    if not np.isfinite(scaled).all():
        raise PredictionError("the model answered with numbers that are not finite")
    if activation == "none":
        return scaled
    if activation == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0.0, -scaled)))
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
