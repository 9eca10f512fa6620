"""How a window's texts and answers are spread, in the same bins as those of the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from function.core.artifact import Manifest
from scripts.common.errors import ThinReferenceError, UsageError
from scripts.drift.prediction_log import Numbers, PredictionLog
from scripts.evaluate.profile import LENGTH_EDGES, RATIO_EDGES, SCORE_EDGES

LABELS, SCORE, TOKENS, RATIO = FEATURES = ("labels", "score", "tokens", "tokens_per_word")
OWN_EDGES = {SCORE: SCORE_EDGES, TOKENS: LENGTH_EDGES, RATIO: RATIO_EDGES}
OTHER = "other"


@dataclass(frozen=True)
class Distribution:
    """Texts by bin.

    edges: of the bins of a number; None for labels, whose bins are `names`. counts: of texts. A
    text with several entities is one observation, spread over their labels by the mean share:
    entities of one text depend on each other, and counting each would feign certainty.
    """

    names: Sequence[str]
    counts: Numbers
    edges: Numbers | None = None

    @property
    def texts(self) -> float:
        return float(self.counts.sum())

    @property
    def shares(self) -> Numbers:
        return self.counts / max(self.texts, 1e-9)


Distributions = Mapping[str, Distribution]


def of_profile(profile: Mapping[str, Any]) -> Distributions:
    """The reference that a manifest holds."""
    labels = profile["labels"]
    shares = np.array(list(labels.values()), dtype=float) * float(profile["texts"])
    found = {LABELS: Distribution([*labels, OTHER], np.append(shares, 0.0))}
    for feature in OWN_EDGES:
        if feature in profile:
            edges = np.array(profile[feature]["edges"], dtype=float)
            counts = np.array(profile[feature]["counts"], dtype=float)
            found[feature] = Distribution(_spans(edges), counts, edges)
    return found


def of_first_log(log: PredictionLog) -> Distributions:
    """A log as the reference, in the bins that profiles have."""
    bins = {
        feature: Distribution(_spans(edges), np.zeros(len(edges) - 1), edges)
        for feature, edges in OWN_EDGES.items()
    }
    labels = Distribution([*log.labels, OTHER], np.zeros(len(log.labels) + 1))
    return of_log(log, {LABELS: labels, **bins})


def of_log(log: PredictionLog, reference: Distributions) -> Distributions:
    """A window in the bins of its reference; a feature that the window lacks is left out."""
    values = {SCORE: log.scores, TOKENS: log.tokens, RATIO: log.tokens / np.maximum(log.words, 1)}
    found = {}
    for feature, like in reference.items():
        if like.edges is None:
            counts = _labels(log, like.names)
        else:
            counts = _histogram(values[feature], like.edges)
        if counts.sum():
            found[feature] = Distribution(like.names, counts, like.edges)
    return found


def _labels(log: PredictionLog, names: Sequence[str]) -> Numbers:
    totals = dict(zip(log.labels, log.answers.sum(0), strict=True))
    known = [float(totals.pop(name, 0.0)) for name in names[:-1]]
    counts = np.array([*known, float(sum(totals.values()))])
    texts = int(np.count_nonzero(log.answers.sum(1)))
    return np.asarray(counts / max(counts.sum(), 1) * texts)


def _histogram(values: Numbers, edges: Numbers) -> Numbers:
    """What lies beyond the outer edges counts in the outer bins."""
    there = values[~np.isnan(values)]
    counts, _ = np.histogram(np.clip(there, edges[0], edges[-1]), bins=edges)
    return counts.astype(float)


def _spans(edges: Numbers) -> list[str]:
    *spans, last = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    # The last span reaches as far as anything can; its end says nothing.
    return [*spans, last if edges[-1] <= 1 else f"{edges[-2]:g} or more"]


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
