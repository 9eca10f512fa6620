"""Labels that a multi-label model gives to texts whose labels are known, and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from function.core.decoding import Probabilities
from function.core.predictor import Predictor
from function.core.tokenization import LongText
from function.core.types import LabelsPrediction
from scripts.data.multi_labelled import MultiLabelledTexts
from scripts.evaluate.evaluation import predict_shortest_first
from scripts.evaluate.metrics import LEAST, calibration_error

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """Answers compared with the truth, (texts, labels) each, in the order of the rows."""

    probabilities: Probabilities
    chosen: Chosen  # labels that were given
    truth: Chosen

    @property
    def exact(self) -> Chosen:
        """(texts,) whether exactly the true labels were given."""
        return np.asarray((self.chosen == self.truth).all(axis=1))


def evaluate_multi_label(
    predictor: Predictor,
    rows: MultiLabelledTexts,
    *,
    title: str,
    long_text: LongText | None = None,
) -> MultiLabelEvaluation:
    """Answer every text, in the rows' order; `long_text` is that of `evaluate`."""
    found = predict_shortest_first(predictor, rows.texts, title, long_text)
    answers = [
        (each.labels, {entry.label: entry.score for entry in each.scores})
        for each in cast("list[LabelsPrediction]", found)
    ]
    return compare_multi_label(answers, rows, predictor.labels)


def compare_multi_label(
    answers: Sequence[tuple[Sequence[str], dict[str, float]]],
    rows: MultiLabelledTexts,
    labels: Sequence[str],
) -> MultiLabelEvaluation:
    """Compare each text's labels, and the scores of all labels, with the truth of the same rows."""

    def has(given: Sequence[Sequence[str]]) -> Chosen:
        return np.array([[label in names for label in labels] for names in given], dtype=bool)

    return MultiLabelEvaluation(
        np.array([[scores[label] for label in labels] for _, scores in answers]),
        has([given for given, _ in answers]),
        has(rows.labels),
    )


def multi_label_figures(found: MultiLabelEvaluation, labels: Sequence[str]) -> dict[str, float]:
    """Return the figures that a manifest records of one data set.

    Precision, recall and F1 are of all labels together (micro); calibration and log loss are of
    the decision on each label of each text.
    """
    truth, chosen = found.truth.astype(np.int64), found.chosen.astype(np.int64)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, chosen, average="micro", zero_division=0
    )
    by_label = metrics.f1_score(truth, chosen, average=None, zero_division=0)
    sure, right = found.probabilities.ravel(), found.truth.ravel()
    likelihood = np.clip(np.where(right, sure, 1 - sure), LEAST, None)
    figures = {
        "texts": len(truth),
        "exact_texts": found.exact.mean(),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "macro_f1": by_label.mean(),
        **{f"f1_{label}": by_label[code] for code, label in enumerate(labels)},
        "calibration_error": calibration_error(
            np.stack([1 - sure, sure], axis=1), right.astype(np.int64)
        ),
        "log_loss": -np.log(likelihood).mean(),
    }
    return {name: round(float(value), 5) for name, value in figures.items()}
