"""The temperature that makes a confidence mean what it says."""

import numpy as np

from function.core.decoding import activate
from scripts.training.metrics import Codes, Probabilities, log_loss

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
