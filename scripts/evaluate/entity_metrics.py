"""Figures of a model that finds entities. They take seqeval, which finding them does not."""

from collections.abc import Iterator, Sequence

import numpy as np
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

from scripts.data.spans import Span
from scripts.evaluate.entity_evaluation import EntityEvaluation
from scripts.evaluate.metrics import calibration_error


def entity_figures(evaluation: EntityEvaluation, labels: Sequence[str]) -> dict[str, float]:
    """Return the figures that a manifest records of one data set.

    They are strict precision, recall and F1 of whole entities by seqeval, of all labels together
    and F1 of each; and how far scores are from the share that is right.
    """
    pairs = list(zip(evaluation.truth, evaluation.found, strict=True))
    truth, found = zip(
        *(
            _tags(len(text), [true, each.spans])
            for text, (true, each) in zip(evaluation.texts, pairs, strict=True)
        ),
        strict=True,
    )
    totals = _scores(truth, found, "micro")
    by_label = _scores(truth, found, None)
    names = sorted({span.label for true, each in pairs for span in [*true, *each.spans]})
    right, sure = _certainty(evaluation)
    return {
        "texts": float(len(pairs)),
        "entities": float(sum(len(true) for true, _ in pairs)),
        "precision": round(float(totals[0]), 5),
        "recall": round(float(totals[1]), 5),
        "f1": round(float(totals[2]), 5),
        **{
            f"f1_{label}": round(float(by_label[2][names.index(label)]), 5)
            for label in labels
            if label in names
        },
        "calibration_error": round(_calibration_error(right, sure), 5),
        "log_loss": round(entity_log_loss(evaluation), 5),
    }


def entity_log_loss(evaluation: EntityEvaluation) -> float:
    """Return the mean negative log-likelihood, in nats, over the entities that were found.

    Each is right or wrong, and its score is the probability that it is right.
    """
    right, sure = _certainty(evaluation)
    likelihood = np.where(right, sure, 1 - sure)
    return float(-np.log(np.clip(likelihood, 1e-6, None)).mean()) if len(right) else 0.0


def same_spans(first: EntityEvaluation, second: EntityEvaluation) -> tuple[float, int]:
    """Return the share of the entities of both, counted together, that both found (Dice 1945).

    The second number is how many each found, on average.
    """
    shared, total = 0, 0
    for one, other in zip(first.found, second.found, strict=True):
        shared += 2 * len(set(one.spans) & set(other.spans))
        total += len(one.spans) + len(other.spans)
    return shared / total if total else 1.0, total // 2


def _tags(length: int, sides: Sequence[Sequence[Span]]) -> Iterator[list[str]]:
    """Yield each side's entities as tags of the stretches between the edges of all of them.

    So an entity is right where both its edges and its label are, whatever a word is.
    """
    edges = sorted(
        {0, length} | {edge for side in sides for s in side for edge in (s.start, s.end)}
    )
    position = {edge: index for index, edge in enumerate(edges)}
    for side in sides:
        tags = ["O"] * (len(edges) - 1)
        for span in side:
            tags[position[span.start]] = f"B-{span.label}"
            for index in range(position[span.start] + 1, position[span.end]):
                tags[index] = f"I-{span.label}"
        yield tags


def _scores(
    truth: Sequence[list[str]], found: Sequence[list[str]], average: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    precision, recall, f1, _ = precision_recall_fscore_support(
        list(truth), list(found), average=average, zero_division=0
    )
    return precision, recall, f1


def _certainty(evaluation: EntityEvaluation) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each entity that was found, whether it is right, and its score."""
    right, sure = [], []
    for true, each in zip(evaluation.truth, evaluation.found, strict=True):
        right += [span in true for span in each.spans]
        sure += each.scores
    return np.array(right, dtype=bool), np.array(sure)


def _calibration_error(right: np.ndarray, sure: np.ndarray) -> float:
    """Return the error of the claim that each entity is right, with its score as confidence."""
    if not len(right):
        return 0.0
    # `calibration_error` takes the larger probability: below a half, that of being wrong.
    return calibration_error(np.stack([1 - sure, sure], axis=1), right.astype(np.int64))
