"""What a model reads before it is called ready, so that no client waits for its first calls."""

import numpy as np

from function.core.errors import PredictionError
from function.core.predictor import Predictor


def warm_up(predictor: Predictor, batch_tokens: int) -> None:
    """Read the shortest window, the longest, both in one batch, so that some of it is padding, and
    a full batch.

    batch_tokens: padded tokens of a full batch. Raises PredictionError where the model's answer
    is not finite, so that a model that cannot serve never becomes ready.
    """
    shortest, longest = predictor.window_of(1), predictor.window_of(predictor.max_tokens)
    longer = predictor.window_of(max(1, min(len(longest), batch_tokens // 2)))
    full = max(1, batch_tokens // len(longest))
    for windows in ([shortest], [longest], [shortest, longer], [longest] * full):
        if not all(np.isfinite(row).all() for row in predictor.run(windows, batch_tokens)):
            raise PredictionError("the model answers with numbers that are not finite")
