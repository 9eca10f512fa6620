"""Warm-up of a model before it counts as ready, so that no client waits for its first calls."""

import numpy as np

from function.core.errors import PredictionError
from function.core.predictor import Predictor


def warm_up(predictor: Predictor, batch_tokens: int) -> None:
    """Run the shortest window, the longest, a batch with padding and one of `batch_tokens`.

    Raises PredictionError if an output is not finite, so that such a model never becomes ready.
    """
    shortest, longest = predictor.blank_window(1), predictor.blank_window(predictor.max_tokens)
    longer = predictor.blank_window(max(1, min(len(longest), batch_tokens // 2)))
    full = max(1, batch_tokens // len(longest))
    for windows in ([shortest], [longest], [shortest, longer], [longest] * full):
        if not all(np.isfinite(row).all() for row in predictor.run(windows, batch_tokens)):
            raise PredictionError("the model answers with numbers that are not finite")
