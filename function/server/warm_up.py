"""Trial of a model before it counts as ready, and warm-up, so that no client waits for it."""

from time import perf_counter

import numpy as np

from function.core.errors import ArtifactError, PredictionError
from function.core.predictor import Predictor
from function.core.types import Options


def try_out(predictor: Predictor) -> None:
    """Predict a trial text by each stage, and run the vocabulary's last token.

    Raises ArtifactError if that fails, so that a model that fails every request is never ready.
    """
    try:
        predictor.run([predictor.last_window()])
        predictor.predict([predictor.trial], Options())
        if predictor.has_first_stage:
            predictor.predict([predictor.trial], Options(cascade="off"))
    except Exception as error:  # a runtime may raise anything
        raise ArtifactError(
            f"{predictor.artifact.path.name}: it cannot predict: {type(error).__name__}: {error}"
        ) from error


def warm_up(predictor: Predictor, batch_tokens: int) -> None:
    """Run the shortest window, the longest, a batch with padding and one of `batch_tokens`.

    Raises PredictionError if an output is not finite, so that such a model never becomes ready, and
    ArtifactError if the device has no memory for one window.
    """
    shortest, longest = predictor.blank_window(1), predictor.blank_window(predictor.max_tokens)
    longer = predictor.blank_window(max(1, min(len(longest), batch_tokens // 2)))
    full = max(1, batch_tokens // len(longest))
    for windows in ([shortest], [longest], [shortest, longer], [longest] * full):
        begun = perf_counter()
        try:
            outputs = predictor.run(windows, batch_tokens)
        except MemoryError as error:
            if len(windows) > 1:
                return  # batches that are too large are halved
            raise ArtifactError(f"{predictor.artifact.path.name}: {error}") from error
        predictor.pace.record(sum(map(len, windows)), perf_counter() - begun)
        if not all(np.isfinite(row).all() for row in outputs):
            raise PredictionError("the model answers with numbers that are not finite")
