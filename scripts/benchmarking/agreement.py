"""Whether both sides give the same answers; if not, comparing their speed means nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from function.core.predictor import Predictor
from function.core.types import Options
from scripts.benchmarking.plan import OFFLINE, Subject
from scripts.benchmarking.processes import work
from scripts.lifecycle.errors import CommandError

TOLERANCE = 0.05


def check(subject: Subject, predictor: Predictor, texts: Sequence[str]) -> float:
    """The largest difference of a probability. Raises CommandError where it is too large."""
    job = {"checkpoint": str(subject.checkpoint), "texts": list(texts), "count": 0}
    answers = work("scripts.benchmarking.warm_pipeline", job, OFFLINE)["answers"]
    predictions, _ = predictor.predict(texts, Options(long_text="truncate"))
    temperature = predictor.artifact.manifest.decoding.temperature
    differences = []
    for prediction, answer in zip(predictions, answers, strict=True):
        theirs = calibrated(answer, temperature)
        ours = {entry.label: entry.score for entry in prediction.scores}
        differences.append(max(abs(ours[label] - theirs.get(label, 0.0)) for label in ours))
        if max(theirs, key=theirs.__getitem__) != prediction.label:
            raise CommandError(
                f"the rebuilt checkpoint says {theirs} where the artifact says {ours}: "
                "they are not the same model, and nothing was measured"
            )
    if max(differences) > TOLERANCE:
        raise CommandError(
            f"the rebuilt checkpoint and the artifact differ by {max(differences):.3f}, more than "
            f"{TOLERANCE}: they are not the same model, and nothing was measured"
        )
    return max(differences)


def calibrated(answer: Sequence[dict[str, Any]], temperature: float) -> dict[str, float]:
    """A pipeline's probabilities at the artifact's temperature, which it knows nothing of."""
    scores = np.array([entry["score"] for entry in answer]) ** (1 / temperature)
    shares = scores / scores.sum()
    return {entry["label"]: float(share) for entry, share in zip(answer, shares, strict=True)}
