"""What an answer says of each text, without the text: behind the metrics and the prediction log."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from function.core.types import AnyPrediction, Prediction


class Outcome(NamedTuple):
    """One text's. What a caller asked to be shown (the best label alone, raw scores, words one by
    one) makes no difference to it.

    labels: how often each was found; of a classified text the one. score: the probability of that
    one, or the mean of the entities' scores, None where there are none. margin: from that score
    to the second label's, None for entities. tokens_per_word: into how many pieces words fall.
    """

    labels: Mapping[str, int]
    score: float | None
    margin: float | None
    tokens_per_word: float


def outcome_of(prediction: AnyPrediction) -> Outcome:
    """The figures of a prediction, rounded to what a log needs of them."""
    pieces = round(prediction.tokens / max(1, prediction.words), 3)
    if isinstance(prediction, Prediction):
        score, margin = round(prediction.certainty, 4), round(prediction.margin, 4)
        return Outcome({prediction.label: 1}, score, margin, pieces)
    found = prediction.whole
    mean = round(sum(entity.score for entity in found) / len(found), 4) if found else None
    return Outcome(Counter(entity.label for entity in found), mean, None, pieces)
