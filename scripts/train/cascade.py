"""The first stage of a cascade: learnt, fitted, and proved on texts that neither stage has seen.

    training texts ─► hashed n-grams ─► naive Bayes weights ─► linear model ─► int8 table
    validation texts ─► both stages ─► P(right), blend, threshold ─► proof, kept or dropped

The linear model is NB-SVM (Wang & Manning 2012, "Baselines and Bigrams") over hashed n-grams. What
is fitted on one half of the validation texts is proved on the other, both ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from function.core.artifact import Blend, Cascade
from function.core.cascade import BIAS, SCALE, TABLE, FirstStage, hash_ngrams
from function.core.tokenization import TokenIds

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

BUCKETS = 1 << 21
SMOOTHING = 1.0  # of the naive Bayes counts
PENALTY = 1.0  # C of the linear model
LEAST_TEXTS = 2500  # of a proof
LEAST_SHARE = 0.2  # answered by the first stage, else it is not worth its bytes
MARGIN = -0.005  # the accuracy's difference may not surely be lower
THRESHOLDS = np.round(np.arange(0.80, 0.996, 0.005), 4)


@dataclass(frozen=True)
class Table:
    """The linear model: (buckets, columns) of int8, with a scale and a bias by column."""

    weights: npt.NDArray[np.int8]
    scale: Floats
    bias: Floats

    def first_stage(self, settings: Cascade) -> FirstStage:
        return FirstStage(settings, self.weights, self.scale, self.bias)

    def save(self, path: Path) -> None:
        """Write the file of role `first_stage`."""
        save_file(
            {
                TABLE: self.weights,
                SCALE: self.scale.astype(np.float32),
                BIAS: self.bias.astype(np.float32),
            },
            path,
        )


@dataclass(frozen=True)
class Answers:
    """Both stages on validation texts, with the truth.

    Attributes:
        first: (texts, labels) logits of the first stage.
        full: (texts, labels) calibrated logits of the full model.
        tokens: (texts,) of each whole text.
        truth: (texts,) codes of labels.
    """

    first: Floats
    full: Floats
    tokens: Codes
    truth: Codes

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: npt.NDArray[np.intp]) -> "Answers":
        return Answers(self.first[rows], self.full[rows], self.tokens[rows], self.truth[rows])


def learn_table(ids: Sequence[TokenIds], labels: Codes, count: int, seed: int) -> Table:
    """Learn the table from training texts by their token ids.

    Args:
        ids: of each text, without special tokens.
        labels: (texts,) codes.
        count: of labels; two share one column.
        seed: of the solver.
    """
    features = _features(ids)
    targets = [labels == 1] if count == 2 else [labels == code for code in range(count)]
    columns, biases = zip(
        *(_learn_column(features, target, seed) for target in targets), strict=True
    )
    weights = np.stack(columns, axis=1)
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
    return Table(np.round(weights / scale).astype(np.int8), scale, np.array(biases))


def _features(ids: Sequence[TokenIds]) -> sparse.csr_matrix:
    """Return (texts, buckets): presence of n-grams, each text of length one."""
    rows = [hash_ngrams(text, BUCKETS) for text in ids]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(len(row)), np.float32) for row in rows])
    return sparse.csr_matrix((values, np.concatenate(rows), starts), (len(ids), BUCKETS))


def _learn_column(
    features: sparse.csr_matrix, target: npt.NDArray[np.bool_], seed: int
) -> tuple[Floats, float]:
    present = features.sign()
    inside = SMOOTHING + np.asarray(present[target].sum(axis=0)).ravel()
    outside = SMOOTHING + np.asarray(present[~target].sum(axis=0)).ravel()
    ratios = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    # A bucket that no training text has says nothing, whatever smoothing makes of it.
    ratios[(inside == SMOOTHING) & (outside == SMOOTHING)] = 0.0
    model = LinearSVC(C=PENALTY, dual=True, random_state=seed, max_iter=2000)
    model.fit(features @ sparse.diags(ratios.astype(np.float32)), target)
    return model.coef_[0] * ratios, float(model.intercept_[0])


def fit_settings(answers: Answers, threshold: float) -> Cascade:
    """Fit P(right) on all answers, and the blend on those that the first stage leaves."""
    margins, right = _margins(answers.first), answers.first.argmax(axis=1) == answers.truth
    lengths = np.log(np.maximum(answers.tokens, 1))
    features = np.column_stack([margins, lengths, margins * lengths])
    spread = np.maximum(features.std(axis=0), 1e-9)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features / spread, right)
    constant, (margin, length, both) = model.intercept_[0], model.coef_[0] / spread
    certainty = (float(constant), float(margin), float(length), float(both))
    settings = Cascade(
        kind="ngrams",
        buckets=BUCKETS,
        certainty=certainty,
        threshold=threshold,
        blend=Blend(full=1.0, first=0.0),
        proof={},
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


def _sure(settings: Cascade, answers: Answers) -> npt.NDArray[np.bool_]:
    margins = _margins(answers.first)
    chances = [
        settings.right(float(margin), int(tokens))
        for margin, tokens in zip(margins, answers.tokens, strict=True)
    ]
    return np.array(chances) >= settings.threshold


def _margins(logits: Floats) -> Floats:
    ordered = np.sort(logits, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])
