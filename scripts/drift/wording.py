"""A verdict in sentences for readers who do not know PSI."""

from collections.abc import Sequence

import numpy as np

from scripts.drift.distributions import (
    LABELS,
    RATIO,
    SCORE,
    STAGES,
    TOKENS,
    Distribution,
    Reference,
)
from scripts.drift.timeline import TimeSlice, find_change
from scripts.drift.verdict import ACCURACY, FEWEST, DriftVerdict, FeatureResult, accuracy_interval

NAMES = {
    ACCURACY: "accuracy",
    LABELS: "answers",
    SCORE: "certainty",
    TOKENS: "length",
    RATIO: "tokens per word",
    STAGES: "first stage",
}
# The two sides of a value, in front of which the share of texts stands.
SIDES = {
    SCORE: ("have a score below {0:g}", "have a score of {0:g} or more"),
    TOKENS: ("have fewer than {0:g} tokens", "have {0:g} tokens or more"),
    RATIO: ("have fewer than {0:g} tokens per word", "have {0:g} tokens per word or more"),
    STAGES: ("were answered by the full model", "were answered by the first stage"),
}
ADVICE = {
    ACCURACY: "The model errs more often. Read some of the answers that people corrected, add them "
    "to the training data and train again; roll back if a new version did this.",
    LABELS: "Either the texts have changed, or the model errs in one direction: label a "
    "hundred of these texts by hand. If the answers are right, this mix is the new reference.",
    SCORE: "The model is less, or more, certain than on the texts that it was validated on: label "
    "a hundred of these texts by hand before you trust its figures.",
    TOKENS: "Check whether a client cuts texts, joins them, or sends another kind of text.",
    RATIO: "Words are split differently than before: another language, garbled characters, or "
    "names and misspellings. Read some texts of each client.",
    STAGES: "The first stage answers more, or fewer, of the texts, which changes their cost: read "
    "some of them, and check whether a client sends the parameter cascade.",
}


def headline(model: str, verdict: DriftVerdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.status == "quiet":
        return f"{model}: {verdict.texts:,} texts are too few to judge; {FEWEST} are needed"
    if verdict.status == "no drift":
        return f"{model}: no drift in {verdict.texts:,} texts"
    features = ", ".join(NAMES[each.feature] for each in verdict.drifted)
    return f"{model}: drift in {verdict.texts:,} texts: {features}"


def changes(reference: Reference, verdict: DriftVerdict, slices: Sequence[TimeSlice]) -> list[str]:
    """Return one sentence per drifted feature: the change, its size, and since when."""
    return [
        f"{_change(reference, verdict, result)} {_since(slices, result)}"
        for result in verdict.drifted
    ]


def advice(verdict: DriftVerdict) -> list[str]:
    """Return what to do about each drifted feature, in the same order."""
    return [ADVICE[result.feature] for result in verdict.drifted]


def accuracy_sentence(verdict: DriftVerdict) -> str:
    """Return the accuracy with its interval; empty if there is no feedback."""
    if verdict.feedback is None:
        return ""
    low, high = accuracy_interval(verdict.feedback)
    return (
        f"Of {verdict.feedback.judged:,} answers with feedback {verdict.feedback.accuracy:.1%} "
        f"were right (95 % interval {low:.1%} to {high:.1%})."
    )


def _change(reference: Reference, verdict: DriftVerdict, result: FeatureResult) -> str:
    feature = result.feature
    if feature == ACCURACY:
        now, before = (
            f"{each.accuracy:.1%}" if each else "?"
            for each in (verdict.feedback, reference.feedback)
        )
        return f"{now} of the answers with feedback were right, against {before} in the reference."
    return _largest_change(feature, reference.distributions[feature], verdict.window[feature])


def _largest_change(feature: str, before: Distribution, now: Distribution) -> str:
    """Describe the label whose share moved most, or the value that separates two samples best.

    That is the value of the Kolmogorov-Smirnov statistic.
    """
    if now.edges is None:
        code = int(np.argmax(np.abs(now.shares - before.shares)))
        share = f"{now.names[code]} is {now.shares[code]:.0%} of the answers"
        return f"{share}, against {before.shares[code]:.0%} in the reference."
    below_now, below_before = np.cumsum(now.shares), np.cumsum(before.shares)
    at = int(np.argmax(np.abs(below_now - below_before)))
    below, above = (side.format(now.edges[at + 1]) for side in SIDES[feature])
    found, known = below_now[at], below_before[at]
    if found < known:
        return f"{1 - found:.0%} of the texts {above}, against {1 - known:.0%} in the reference."
    return f"{found:.0%} of the texts {below}, against {known:.0%} in the reference."


def _since(slices: Sequence[TimeSlice], result: FeatureResult) -> str:
    found = find_change(slices, result)
    if found:
        at = f"{found.at:%-d %B %Y, %H:%M} UTC"
        return f"This began about {at}." if found.worse else f"It has passed since about {at}."
    if slices:
        return "It is so in the whole window."
    return "The window is too small to show since when."
