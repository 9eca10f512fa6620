"""Distributions of a window's texts and answers, in the same bins as those of the reference.

A window is the traffic of a time range. It is compared with a reference: the profile in the
manifest, or a window of the log that is known as good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from function.core.manifest import Manifest
from scripts.common.errors import ThinReferenceError
from scripts.drift.prediction_log import Numbers, PredictionLog
from scripts.evaluate.profile import LENGTH_EDGES, RATIO_EDGES, SCORE_EDGES, STAGE_EDGES

FEATURES = ("labels", "score", "tokens", "tokens_per_word", "stages")
LABELS, SCORE, TOKENS, RATIO, STAGES = FEATURES
OWN_EDGES = {SCORE: SCORE_EDGES, TOKENS: LENGTH_EDGES, RATIO: RATIO_EDGES, STAGES: STAGE_EDGES}
OTHER = "other"
FEWEST_TEXTS = 300  # of a reference


@dataclass(frozen=True)
class Distribution:
    """Texts by bin.

    A text with several entities is one observation, spread over their labels by the mean share:
    entities of one text depend on each other, and counting each would feign certainty.
    """

    names: Sequence[str]
    counts: Numbers  # texts in each bin
    edges: Numbers | None = None  # of the bins of a number; None for labels

    @property
    def texts(self) -> float:
        return float(self.counts.sum())

    @property
    def shares(self) -> Numbers:
        return self.counts / max(self.texts, 1e-9)


Distributions = Mapping[str, Distribution]


@dataclass(frozen=True)
class FeedbackCounts:
    """The answers with feedback: how many there are, and how many of them were right."""

    right: int
    judged: int

    @property
    def accuracy(self) -> float:
        return self.right / max(self.judged, 1)


@dataclass(frozen=True)
class Reference:
    """Known-good traffic. name: for people. feedback: None where there is none."""

    name: str
    texts: int
    distributions: Distributions
    feedback: FeedbackCounts | None = None


def reference_of_manifest(manifest: Manifest, version: str) -> Reference:
    """Return the profile of a version's validation texts. Raises ThinReferenceError without one."""
    if not manifest.profile:
        raise ThinReferenceError(
            f"{manifest.model} {version}: its manifest has no reference profile; "
            "give a good window of its log instead: --reference LOG"
        )
    distributions = profile_distributions(manifest.profile)
    return Reference(
        f"the profile of version {version}", int(manifest.profile["texts"]), distributions
    )


def reference_of_log(log: PredictionLog, name: str) -> Reference:
    """Return traffic that was inspected and found good, of the first week for example.

    Raises ThinReferenceError if there are too few texts to distinguish a change from chance.
    """
    if len(log) < FEWEST_TEXTS:
        raise ThinReferenceError(
            f"{name}: {len(log)} predictions are too few for a reference; "
            f"give a log with at least {FEWEST_TEXTS} of this model"
        )
    return Reference(name, len(log), reference_distributions(log), count_feedback(log.correct))


def count_feedback(correct: Numbers) -> FeedbackCounts | None:
    """Count feedback. correct: 1, 0, or NaN where there is none."""
    judged = correct[~np.isnan(correct)]
    return FeedbackCounts(int(judged.sum()), len(judged)) if len(judged) else None


def profile_distributions(profile: Mapping[str, Any]) -> Distributions:
    """Return the distributions in a manifest's profile."""
    labels = profile["labels"]
    shares = np.array(list(labels.values()), dtype=float) * float(profile["texts"])
    found = {LABELS: Distribution([*labels, OTHER], np.append(shares, 0.0))}
    for feature in OWN_EDGES:
        if feature in profile and not (feature == SCORE and _scores_entities(profile)):
            edges = np.array(profile[feature]["edges"], dtype=float)
            counts = np.array(profile[feature]["counts"], dtype=float)
            found[feature] = Distribution(_bin_names(feature, edges), counts, edges)
    return found


def _scores_entities(profile: Mapping[str, Any]) -> bool:
    """Return whether scores are of each entity, as profiles had them, not of each text."""
    if "entities" not in profile:
        return False
    with_entities = sum(profile["entities"]["counts"][1:])
    return bool(sum(profile["score"]["counts"]) != with_entities)


def reference_distributions(log: PredictionLog) -> Distributions:
    """Return the distributions of a log in the bins of profiles; stages if it has both."""
    bins = {
        feature: Distribution(_bin_names(feature, edges), np.zeros(len(edges) - 1), edges)
        for feature, edges in OWN_EDGES.items()
        if feature != STAGES or np.nansum(log.first)
    }
    labels = Distribution([*log.labels, OTHER], np.zeros(len(log.labels) + 1))
    return window_distributions(log, {LABELS: labels, **bins})


def window_distributions(log: PredictionLog, reference: Distributions) -> Distributions:
    """Return the distributions of a log in a reference's bins, without features that it lacks."""
    values = {
        SCORE: log.scores,
        TOKENS: log.tokens,
        RATIO: log.tokens / np.maximum(log.words, 1),
        STAGES: log.first,
    }
    found = {}
    for feature, like in reference.items():
        if like.edges is None:
            counts = _count_labels(log, like.names)
        else:
            counts = _histogram(values[feature], like.edges)
        if counts.sum():
            found[feature] = Distribution(like.names, counts, like.edges)
    return found


def _count_labels(log: PredictionLog, names: Sequence[str]) -> Numbers:
    totals = dict(zip(log.labels, log.answers.sum(0), strict=True))
    known = [float(totals.pop(name, 0.0)) for name in names[:-1]]
    counts = np.array([*known, float(sum(totals.values()))])
    texts = int(np.count_nonzero(log.answers.sum(1)))
    return np.asarray(counts / max(counts.sum(), 1) * texts)


def _histogram(values: Numbers, edges: Numbers) -> Numbers:
    """Count values by bin; those beyond the outer edges count in the outer bins."""
    there = values[~np.isnan(values)]
    counts, _ = np.histogram(np.clip(there, edges[0], edges[-1]), bins=edges)
    return counts.astype(float)


def _bin_names(feature: str, edges: Numbers) -> list[str]:
    if feature == STAGES:
        return ["full model", "first stage"]
    *names, last = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    # The last bin has no upper limit; its edge says nothing.
    return [*names, last if edges[-1] <= 1 else f"{edges[-2]:g} or more"]
