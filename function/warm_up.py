"""What a model reads before it is called ready, so that no client waits for its first calls."""

import numpy as np

from function.core.errors import PredictionError
from function.core.predictor import Predictor


def warm_up(predictor: Predictor, batch_tokens: int) -> None:
    """Read the shortest window, the longest, and a full batch of them.

    batch_tokens: padded tokens of a full batch. Raises PredictionError where the model's answer
    is not finite, so that a model that cannot serve never becomes ready.
    """
    shortest, longest = predictor.window_of(1), predictor.window_of(predictor.max_tokens)
    full = max(1, batch_tokens // len(longest))
    for windows in ([shortest], [longest], [longest] * full):
        if not all(np.isfinite(row).all() for row in predictor.run(windows, batch_tokens)):
            raise PredictionError("the model answers with numbers that are not finite")
