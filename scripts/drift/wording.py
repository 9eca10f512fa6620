"""A verdict in sentences that somebody understands who never heard of PSI."""

from collections.abc import Sequence

import numpy as np

from scripts.drift.distributions import LABELS, RATIO, SCORE, TOKENS, Distribution, Reference
from scripts.drift.timeline import Slice, change
from scripts.drift.verdict import ACCURACY, FEWEST, Finding, Verdict, interval

NAMES = {
    ACCURACY: "accuracy",
    LABELS: "answers",
    SCORE: "certainty",
    TOKENS: "length",
    RATIO: "tokens per word",
}
# Of a share of texts that lie on one side of a value: below it, and not.
SIDES = {
    SCORE: ("have a score below {0:g}", "have a score of {0:g} or more"),
    TOKENS: ("have fewer than {0:g} tokens", "have {0:g} tokens or more"),
    RATIO: ("have fewer than {0:g} tokens per word", "have {0:g} tokens per word or more"),
}
ADVICE = {
    ACCURACY: "The model errs more often. Read some of the answers that people corrected, add them "
    "to the training data and train again; roll back if a new version did this.",
    LABELS: "Either what people send has changed, or the model errs in one direction: label a "
    "hundred of these texts by hand. If the answers are right, this mix is the new reference.",
    SCORE: "The model is less, or more, sure than on the texts that it was validated on: label a "
    "hundred of these texts by hand before you trust its figures.",
    TOKENS: "Look whether a client cuts texts, joins them, or sends another kind of text.",
    RATIO: "Words fall into other pieces than before: another language, garbled characters, or "
    "names and misspellings. Look at some texts of each client.",
}


def headline(model: str, verdict: Verdict) -> str:
    """The verdict in one sentence."""
    if verdict.word == "quiet":
        return f"{model}: {verdict.texts:,} texts are too few to tell; {FEWEST} are needed"
    if verdict.word == "no drift":
        return f"{model}: no drift in {verdict.texts:,} texts"
    features = ", ".join(NAMES[each.feature] for each in verdict.drifted)
    return f"{model}: drift in {verdict.texts:,} texts: {features}"


def changes(reference: Reference, verdict: Verdict, slices: Sequence[Slice]) -> list[str]:
    """What changed, by how much and since when, a sentence for each finding of drift."""
    return [
        f"{_change(reference, verdict, finding)} {_when(slices, finding)}"
        for finding in verdict.drifted
    ]


def advice(verdict: Verdict) -> list[str]:
    """What to do, the same order."""
    return [ADVICE[finding.feature] for finding in verdict.drifted]


def told_accuracy(verdict: Verdict) -> str:
    """The accuracy where there is feedback, with its interval; empty elsewhere."""
    if verdict.answers is None:
        return ""
    low, high = interval(verdict.answers)
    return (
        f"Of {verdict.answers.judged:,} answers with feedback {verdict.answers.accuracy:.1%} were "
        f"right (95 % interval {low:.1%} to {high:.1%})."
    )


def _change(reference: Reference, verdict: Verdict, finding: Finding) -> str:
    feature = finding.feature
    if feature == ACCURACY:
        now, before = (
            f"{each.accuracy:.1%}" if each else "?" for each in (verdict.answers, reference.answers)
        )
        return f"{now} of the answers with feedback were right, against {before} in the reference."
    return _split(feature, reference.distributions[feature], verdict.window[feature])


def _split(feature: str, before: Distribution, now: Distribution) -> str:
    """Of labels, the one whose share moved most; of numbers, the value that tells the two apart
    best (that of Kolmogorov and Smirnov)."""
    if now.edges is None:
        code = int(np.argmax(np.abs(now.shares - before.shares)))
        of = f"{now.names[code]} is {now.shares[code]:.0%} of the answers"
        return f"{of}, against {before.shares[code]:.0%} in the reference."
    below_now, below_before = np.cumsum(now.shares), np.cumsum(before.shares)
    at = int(np.argmax(np.abs(below_now - below_before)))
    below, above = (side.format(now.edges[at + 1]) for side in SIDES[feature])
    share, known = below_now[at], below_before[at]
    if share < known:
        return f"{1 - share:.0%} of the texts {above}, against {1 - known:.0%} in the reference."
    return f"{share:.0%} of the texts {below}, against {known:.0%} in the reference."


def _when(slices: Sequence[Slice], finding: Finding) -> str:
    found = change(slices, finding)
    if found:
        at = f"{found.at:%-d %B %Y, %H:%M} UTC"
        return f"This began about {at}." if found.worse else f"It has passed since about {at}."
    if slices:
        return "It is so in the whole window."
    return "The window is too small to tell since when."
