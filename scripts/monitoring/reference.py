"""What a window is compared with: the manifest's profile, or a window of the log known as good."""

from dataclasses import dataclass

import numpy as np

from function.core.artifact import Manifest
from scripts.common.errors import ThinReferenceError, UsageError
from scripts.monitoring.distributions import Distributions, of_first_log, of_profile
from scripts.monitoring.prediction_log import Numbers, PredictionLog

FEWEST_TEXTS = 300


@dataclass(frozen=True)
class Answers:
    """How many of the answers that somebody gave feedback on were right."""

    right: int
    judged: int

    @property
    def accuracy(self) -> float:
        return self.right / max(self.judged, 1)


@dataclass(frozen=True)
class Reference:
    """name: as people call it. answers: None where it has no feedback."""

    name: str
    texts: int
    distributions: Distributions
    answers: Answers | None = None


def reference_of_manifest(manifest: Manifest, version: str) -> Reference:
    """The profile: the texts on which the version was validated. Raises UsageError without one."""
    if not manifest.profile:
        raise UsageError(
            f"{manifest.model} {version}: its manifest has no reference profile; "
            "give a good window of its log instead: --reference LOG"
        )
    distributions = of_profile(manifest.profile)
    return Reference(
        f"the profile of version {version}", int(manifest.profile["texts"]), distributions
    )


def reference_of_log(log: PredictionLog, name: str) -> Reference:
    """Traffic that was looked at and found good, of the first week, say. Raises
    ThinReferenceError where it is too little to tell a change from chance."""
    if len(log) < FEWEST_TEXTS:
        raise ThinReferenceError(
            f"{name}: {len(log)} predictions are too few for a reference; "
            f"give a log with at least {FEWEST_TEXTS} of this model"
        )
    return Reference(name, len(log), of_first_log(log), answers_of(log.correct))


def answers_of(correct: Numbers) -> Answers | None:
    """correct: 1, 0, or NaN where nobody told."""
    judged = correct[~np.isnan(correct)]
    return Answers(int(judged.sum()), len(judged)) if len(judged) else None
