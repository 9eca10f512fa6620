"""The proof of a cascade: fitted and chosen on texts that neither of its stages has seen.

What is fitted on one half of the validation texts is proved on the other, both ways.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from function.core.manifest import Blend, Cascade
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import compare_paired, holm
from scripts.train.ngram_table import BUCKETS, Bools, Codes, Floats

CHEAP = 0.02  # of all tokens: what the shortest texts hold that it leaves to the full model
LEAST_SHARE = 0.2  # answered by the first stage, else it is not worth its bytes
MARGIN = -0.005  # the accuracy's difference is surely higher
LEAST_AGREEMENT = 0.99  # with the full model, on texts that the first stage answers
SLACK = 0.001  # of accuracy, for which more texts are answered first
LEAST_SPREAD = 1e-9  # of what P(right) is fitted on
SEED = 17
THRESHOLDS = np.round(np.arange(0.80, 0.996, 0.005), 4)

Rows = npt.NDArray[np.intp]

# Of a first stage whose logits are asked for before anything is fitted.
UNFITTED = Cascade(
    kind="ngrams",
    buckets=BUCKETS,
    certainty=(0.0, 0.0, 0.0, 0.0),
    threshold=1.0,
    blend=Blend(full=1.0, first=0.0),
    proof={},
)


@dataclass(frozen=True)
class Answers:
    """Both stages on validation texts, with the truth."""

    first: Floats  # (texts, labels) logits of the first stage
    full: Floats  # (texts, labels) calibrated logits of the full model
    tokens: Codes  # (texts,) of each whole text
    truth: Codes  # (texts,) codes of labels

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: Rows) -> "Answers":
        return Answers(self.first[rows], self.full[rows], self.tokens[rows], self.truth[rows])


def choose(
    answers: Answers, parts: Sequence[str], labels: Sequence[str], *, truth: bool = True
) -> Cascade | None:
    """Fit, choose the threshold and prove it; None where a cascade is not surely good enough.

    Of what is proved it takes the threshold with which the first stage answers most, within `SLACK`
    of the best accuracy; where some are surely no worse on every data set, of those alone. `parts`
    is (texts,) names of data sets, whose accuracies are compared one by one. Without `truth` the
    first stage has to agree with the full model.
    """
    least = _cheap_length(answers.tokens)
    halves = np.random.default_rng(SEED).permutation(len(answers)) % 2 == 0
    found = []
    for threshold in THRESHOLDS.tolist():
        sure, right = np.zeros((2, len(answers)), dtype=bool)
        for proved in (halves, ~halves):
            rows = np.flatnonzero(proved)
            settings = fit_settings(answers.select(np.flatnonzero(~proved)), threshold, least)
            sure[rows], right[rows] = _answer(settings, answers.select(rows))
        proof = prove(answers, sure, right, _slices(answers, parts, labels))
        if proof["kept"] and (truth or _agrees(right[sure])):
            found.append((threshold, proof))
    if not found:
        return None
    gentle = [each for each in found if _spares_every_part(each[1], parts)] or found
    best = max(proof["accuracy"] for _, proof in gentle)
    threshold, proof = max(
        (each for each in gentle if each[1]["accuracy"] >= best - SLACK),
        key=lambda each: each[1]["share"],
    )
    curve = [[at, each["share"], each["accuracy"]] for at, each in found]
    settings = fit_settings(answers, threshold, least)
    return settings.model_copy(update={"proof": proof | {"curve": curve}})


def _cheap_length(tokens: Codes) -> int:
    """Return the length below which texts hold a `CHEAP` share of all tokens.

    Shorter texts cost the full model little. They hold few n-grams, and one word can turn them.
    """
    ordered = np.sort(tokens)
    shorter = np.cumsum(ordered) - ordered
    return int(ordered[shorter <= CHEAP * ordered.sum()][-1])


def prove(
    answers: Answers,
    sure: Bools,
    right: Bools,
    slices: Mapping[str, Bools],
) -> dict[str, Any]:
    """Return how the cascade compares with the full model, and whether it may be kept.

    It is kept where the first stage answers enough texts, the difference of accuracies is surely
    above `MARGIN`, and no slice is surely worse (McNemar's test, with Holm's correction). `sure`,
    `right` and each slice are (texts,): the first stage answers, the cascade's answer is right.
    """
    full = answers.full.argmax(axis=1) == answers.truth
    whole = compare_paired(right, full)
    compared = {name: compare_paired(right[rows], full[rows]) for name, rows in slices.items()}
    worse = holm({name: each.p_value for name, each in compared.items() if each.difference < 0})
    share = float(sure.mean())
    return {
        "kept": share >= LEAST_SHARE and whole.low > MARGIN and not worse,
        "texts": len(answers),
        "share": round(share, 4),
        "accuracy": round(float(right.mean()), 5),
        "full_accuracy": round(float(full.mean()), 5),
        "difference": round(whole.difference, 5),
        "interval": [round(whole.low, 5), round(whole.high, 5)],
        "worse": sorted(worse),
        "slices": {
            name: {
                "texts": int(rows.sum()),
                "share": round(float(sure[rows].mean()), 4),
                "difference": round(compared[name].difference, 5),
                "low": round(compared[name].low, 5),
            }
            for name, rows in slices.items()
        },
    }


def _spares_every_part(proof: Mapping[str, Any], parts: Iterable[str]) -> bool:
    """Return whether it is surely no worse on every data set, not on all together alone."""
    return all(proof["slices"][name]["low"] > MARGIN for name in set(parts))


def _agrees(right: Bools) -> bool:
    """Return whether the first stage surely agrees with the full model on what it answers."""
    return wilson_interval(int(right.sum()), len(right))[0] >= LEAST_AGREEMENT


def _slices(answers: Answers, parts: Sequence[str], labels: Sequence[str]) -> dict[str, Bools]:
    """Return the rows of each data set, label, and third of the lengths that has rows."""
    short, long = np.quantile(answers.tokens, [1 / 3, 2 / 3])
    slices = {name: np.array([part == name for part in parts]) for name in dict.fromkeys(parts)}
    slices |= {f"label {name}": answers.truth == code for code, name in enumerate(labels)}
    slices |= {"short": answers.tokens <= short, "long": answers.tokens > long}
    return {name: rows for name, rows in slices.items() if rows.any()}


def _answer(settings: Cascade, answers: Answers) -> tuple[Bools, Bools]:
    """Return which texts the first stage answers, and which the cascade answers rightly."""
    sure = _sure(settings, answers)
    blended = settings.blend.full * answers.full + settings.blend.first * answers.first
    alone = answers.tokens < settings.least_tokens
    logits = np.select([sure[:, None], alone[:, None]], [answers.first, answers.full], blended)
    return sure, logits.argmax(axis=1) == answers.truth


def fit_settings(answers: Answers, threshold: float, least_tokens: int = 1) -> Cascade:
    """Fit P(right) on texts that are long enough, and the blend on those that are left of them."""
    answers = answers.select(np.flatnonzero(answers.tokens >= least_tokens))
    margins, right = _margins(answers.first), answers.first.argmax(axis=1) == answers.truth
    lengths = np.log(np.maximum(answers.tokens, 1))
    features = np.column_stack([margins, lengths, margins * lengths])
    spread = features.std(axis=0)
    spread[spread < LEAST_SPREAD] = 1.0  # texts of one length
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features / spread, right)
    constant, (margin, length, both) = model.intercept_[0], model.coef_[0] / spread
    certainty = (float(constant), float(margin), float(length), float(both))
    settings = UNFITTED.model_copy(
        update={"certainty": certainty, "threshold": threshold, "least_tokens": least_tokens}
    )
    left = ~_sure(settings, answers)
    return settings.model_copy(update={"blend": _fit_blend(answers.select(np.flatnonzero(left)))})


def _fit_blend(answers: Answers) -> Blend:
    """Return the weights of both logits that make the truth most likely."""
    if not len(answers):
        return Blend(full=1.0, first=0.0)

    def loss(weights: Floats) -> float:
        logits = weights[0] * answers.full + weights[1] * answers.first
        total = np.logaddexp.reduce(logits, axis=1)
        return float((total - logits[np.arange(len(answers)), answers.truth]).mean())

    full, first = minimize(loss, np.array([1.0, 0.5]), method="Nelder-Mead").x
    return Blend(full=max(float(full), 0.0), first=max(float(first), 0.0))


def _sure(settings: Cascade, answers: Answers) -> Bools:
    margins = _margins(answers.first)
    chances = [
        settings.right(float(margin), int(tokens))
        for margin, tokens in zip(margins, answers.tokens, strict=True)
    ]
    return (np.array(chances) >= settings.threshold) & (answers.tokens >= settings.least_tokens)


def _margins(logits: Floats) -> Floats:
    ordered = np.sort(logits, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])
