"""Whether both sides give the same answers; if not, comparing their speed means nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from function.core.predictor import Predictor
from scripts.benchmark.plan import OFFLINE, Subject
from scripts.benchmark.processes import work
from scripts.common.errors import CommandError

TOLERANCE = 0.05
# Plain words: where a model is undecided, rounding to eight bits alone may tip it.
TEXTS = (
    "A warm, funny film that never once talks down to us.",
    "An absolute delight from beginning to end, and the best film I have seen this year.",
    "Wonderful acting, a beautiful score and a story that moved everyone in the room. Superb!",
    "Terrible. A complete waste of time and money, boring from the first minute to the last.",
    "The worst film I have ever seen: awful acting, a stupid plot and dreadful dialogue.",
    "I hated it. Dull, lazy and badly made, with nothing at all to recommend it.",
)


def check(subject: Subject, predictor: Predictor) -> float:
    """The largest difference of a probability. Raises CommandError where it is too large."""
    job = {"checkpoint": str(subject.checkpoint), "texts": TEXTS, "count": 0}
    answers = work("scripts.benchmark.warm_pipeline", job, OFFLINE)["answers"]
    temperature = predictor.artifact.manifest.decoding.temperature
    differences = []
    for text, answer in zip(TEXTS, answers, strict=True):
        (prediction,) = predictor.classify([text])
        ours = {entry.label: entry.score for entry in prediction.scores}
        differences.append(difference(ours, calibrated(answer, temperature)))
    return max(differences)


def difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """The largest of two answers. Raises CommandError where they are not of the same model."""
    largest = max(abs(score - theirs.get(label, 0.0)) for label, score in ours.items())
    if largest > TOLERANCE or max(ours, key=ours.__getitem__) != max(
        theirs, key=theirs.__getitem__
    ):
        raise CommandError(
            f"the rebuilt checkpoint says {dict(theirs)} where the artifact says {dict(ours)}: "
            "they are not the same model, and nothing was measured"
        )
    return largest


def calibrated(answer: Sequence[dict[str, Any]], temperature: float) -> dict[str, float]:
    """A pipeline's probabilities at the artifact's temperature, which it knows nothing of."""
    scores = np.array([entry["score"] for entry in answer]) ** (1 / temperature)
    shares = scores / scores.sum()
    return {entry["label"]: float(share) for entry, share in zip(answer, shares, strict=True)}
