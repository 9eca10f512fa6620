"""The table of a cascade's first stage, learnt from texts by their token ids.

It is NB-SVM (Wang & Manning 2012, "Baselines and Bigrams") over hashed n-grams: a linear model
whose features are weighted by their naive Bayes log-count ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save
from scipy import sparse
from sklearn.svm import LinearSVC

from function.core.cascade import BIAS, SCALE, TABLE, FirstStage, hash_ngrams
from function.core.manifest import Cascade
from function.core.tokenization import TokenIds

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BUCKETS = 1 << 21
SMOOTHING = 1.0  # of the naive Bayes counts


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
        tensors: dict[str, npt.NDArray[np.generic]] = {
            TABLE: self.weights,
            SCALE: self.scale.astype(np.float32),
            BIAS: self.bias.astype(np.float32),
        }
        path.write_bytes(save(tensors))


def learn_table(
    ids: Sequence[TokenIds], labels: Codes, count: int, seed: int, penalty: float = 1.0
) -> Table:
    """Learn the table from the token ids of training texts and their (texts,) codes of labels.

    `count` is of labels, of which two share one column. `penalty` is C of the linear model: the
    larger, the closer it follows the training texts.
    """
    features = _features(ids)
    targets = [labels == 1] if count == 2 else [labels == code for code in range(count)]
    columns, biases = zip(
        *(_learn_column(features, target, seed, penalty) for target in targets), strict=True
    )
    weights = np.stack(columns, axis=1)
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
    return Table(np.round(weights / scale).astype(np.int8), scale, np.array(biases))


def _features(ids: Sequence[TokenIds]) -> sparse.csr_matrix:
    """Return (texts, buckets): presence of n-grams, each text of length one."""
    rows = [hash_ngrams(text, BUCKETS) for text in ids]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(len(row)), np.float32) for row in rows])
    found = sparse.csr_matrix((values, np.concatenate(rows), starts), (len(ids), BUCKETS))
    found.sort_indices()  # sums of floats depend on their order
    return found


def _learn_column(
    features: sparse.csr_matrix, target: Bools, seed: int, penalty: float
) -> tuple[Floats, float]:
    present = features.sign()
    inside = SMOOTHING + np.asarray(present[target].sum(axis=0)).ravel()
    outside = SMOOTHING + np.asarray(present[~target].sum(axis=0)).ravel()
    ratios = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    # A bucket that no training text has says nothing, whatever smoothing makes of it.
    ratios[(inside == SMOOTHING) & (outside == SMOOTHING)] = 0.0
    model = LinearSVC(C=penalty, dual=True, random_state=seed, max_iter=2000)
    model.fit(features @ sparse.diags(ratios.astype(np.float32)), target)
    return model.coef_[0] * ratios, float(model.intercept_[0])
