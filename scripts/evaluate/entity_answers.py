"""Answers of a model that finds entities."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from scripts.data.spans import Span
from scripts.data.truth import TextRows
from scripts.evaluate.answers import ExactAnswers, Predictions, ShownAnswer, SliceAnswers
from scripts.evaluate.f1 import F1Counts
from scripts.evaluate.metrics import calibration_error
from scripts.evaluate.paired import Right

NONE = "no entity"


@dataclass(frozen=True)
class Found:
    """The entities found in one text."""

    spans: list[Span]  # in reading order
    scores: list[float]
    tokens: int
    words: int | None  # of the text; None from a service, which does not report them


@dataclass(frozen=True)
class EntityAnswers(ExactAnswers[list[Span]]):
    """See `Answers`. An entity is right with its label and both its edges."""

    key = "entities"
    batch = 16

    labels: Sequence[str]
    texts: Sequence[str]
    truth: Sequence[list[Span]]
    found: Sequence[Found]

    @classmethod
    def compare(
        cls, predictions: Predictions, rows: TextRows[list[Span]], labels: Sequence[str]
    ) -> Self:
        found = [
            Found(
                [Span(each["start"], each["end"], each["label"]) for each in answer["entities"]],
                [float(each["score"]) for each in answer["entities"]],
                answer["tokens"],
                answer.get("words"),
            )
            for answer in predictions
        ]
        return cls(labels, list(map(str, rows.texts)), rows.truth, found)

    @property
    def right(self) -> Right:
        return self._exact(self.labels)

    @cached_property
    def figures(self) -> dict[str, float]:
        """See `Answers`.

        They are strict precision, recall and F1 of whole entities by seqeval, of all labels
        together and F1 of each; and how far scores are from the share that is right.
        """
        pairs = list(zip(self.truth, self.found, strict=True))
        truth, found = zip(
            *(
                _tags(len(text), [true, each.spans])
                for text, (true, each) in zip(self.texts, pairs, strict=True)
            ),
            strict=True,
        )
        totals = _scores(truth, found, "micro")
        by_label = _scores(truth, found, None)
        names = sorted({span.label for true, each in pairs for span in [*true, *each.spans]})
        right, sure = _certainty(self)
        return {
            "texts": float(len(pairs)),
            "entities": float(sum(len(true) for true, _ in pairs)),
            "precision": round(float(totals[0]), 5),
            "recall": round(float(totals[1]), 5),
            "f1": round(float(totals[2]), 5),
            **{
                f"f1_{label}": round(float(by_label[2][names.index(label)]), 5)
                for label in self.labels
                if label in names
            },
            "calibration_error": round(_calibration_error(right, sure), 5),
            "log_loss": round(entity_log_loss(self), 5),
        }

    @property
    def scored(self) -> int:
        return int(self.counts.found.sum())

    @property
    def support(self) -> npt.NDArray[np.float64]:
        """(texts,) overlap of what is true and what was found (Dice 1945).

        What was found counts by its score. The overlap is 1 where there is neither.
        """
        shares = []
        for true, found in self._pairs():
            right = sum(score for span, score in found.items() if span in true)
            total = len(true) + sum(found.values())
            shares.append(2 * right / total if total else 1.0)
        return np.array(shares)

    @cached_property
    def counts(self) -> F1Counts:
        """Counts of each text's entities."""
        pairs = [(set(true), set(found)) for true, found in self._pairs()]
        return F1Counts(
            np.array([len(true) for true, _ in pairs]),
            np.array([len(found) for _, found in pairs]),
            np.array([len(true & found) for true, found in pairs]),
        )

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the texts that have entities of each label, and those that have none.

        The first are right where exactly the entities of that label were found, the others where
        none was found.
        """
        used = {span.label for true in self.truth for span in true}
        slices = {
            f"label {label}": SliceAnswers(self._having(label), self._exact([label]))
            for label in sorted(used)
        }
        return slices | {NONE: SliceAnswers(self.counts.true == 0, self.right)}

    def show(self, row: int) -> ShownAnswer:
        text, found = self.texts[row], self.found[row]
        return ShownAnswer(
            _in_words(text, self.truth[row]),
            _in_words(text, found.spans),
            float(np.mean(found.scores)) if found.scores else None,
        )

    def _pairs(self) -> Iterable[tuple[list[Span], dict[Span, float]]]:
        """Yield each text's entities, and those that were found with their scores."""
        for true, found in zip(self.truth, self.found, strict=True):
            yield true, dict(zip(found.spans, found.scores, strict=True))

    def _having(self, label: str) -> Right:
        return np.array([any(s.label == label for s in true) for true in self.truth])

    def _exact(self, labels: Sequence[str]) -> Right:
        """Return (texts,) whether exactly the entities of these labels were found."""
        return np.array(
            [
                {s for s in true if s.label in labels} == {s for s in found if s.label in labels}
                for true, found in self._pairs()
            ]
        )


def entity_log_loss(answers: EntityAnswers) -> float:
    """Return the mean negative log-likelihood, in nats, over the entities that were found.

    Each is right or wrong, and its score is the probability that it is right.
    """
    right, sure = _certainty(answers)
    likelihood = np.where(right, sure, 1 - sure)
    return float(-np.log(np.clip(likelihood, 1e-6, None)).mean()) if len(right) else 0.0


def same_spans(first: EntityAnswers, second: EntityAnswers) -> tuple[float, int]:
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
    # Here, because seqeval is installed for entities alone.
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        list(truth), list(found), average=average, zero_division=0
    )
    return precision, recall, f1


def _certainty(answers: EntityAnswers) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each entity that was found, whether it is right, and its score."""
    right, sure = [], []
    for true, each in zip(answers.truth, answers.found, strict=True):
        right += [span in true for span in each.spans]
        sure += each.scores
    return np.array(right, dtype=bool), np.array(sure)


def _calibration_error(right: np.ndarray, sure: np.ndarray) -> float:
    """Return the error of the claim that each entity is right, with its score as confidence."""
    if not len(right):
        return 0.0
    # `calibration_error` takes the larger probability: below a half, that of being wrong.
    return calibration_error(np.stack([1 - sure, sure], axis=1), right.astype(np.int64))


def _in_words(text: str, spans: Sequence[Span]) -> str:
    return ", ".join(f"{text[s.start : s.end]} ({s.label})" for s in spans) or NONE
