"""Answers on a golden set of a model that finds entities, and the F1 that they must keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from function.core.predictor import Predictor
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts
from scripts.evaluate.entity_evaluation import EntityEvaluation, evaluate_entities
from scripts.evaluate.entity_metrics import entity_figures
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import RESAMPLES, SEED, Right
from scripts.gate.judgement import (
    LARGER_SET,
    WORSE,
    RequirementResult,
    accept,
    format_share,
    points,
)
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.outcome import GateOutcome
from scripts.gate.settings import GateSettings

NONE = "no entity"
REQUIREMENT = "F1"
AT_ONCE = 250  # resamples; with 5,000 sorts of texts 10 MB

TextCounts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EntityAnswers:
    """See `GoldenAnswers`.

    A text is answered rightly where exactly its entities were found, each with its label and both
    its edges.
    """

    measure: ClassVar[str] = "share of exact texts"

    labels: Sequence[str]
    evaluation: EntityEvaluation

    @property
    def right(self) -> Right:
        return self._exact(self.labels)

    @cached_property
    def figures(self) -> Mapping[str, float]:
        """Figures as a manifest records them, and the share of exact texts with its interval."""
        right = self.right
        low, high = wilson_interval(int(right.sum()), len(right))
        exact = {
            "exact_texts": float(right.mean()),
            "exact_texts_low": low,
            "exact_texts_high": high,
        }
        return {
            **{name: round(value, 5) for name, value in exact.items()},
            **entity_figures(self.evaluation, self.labels),
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
    def counts(self) -> "EntityCounts":
        """Counts of each text."""
        pairs = [(set(true), set(found)) for true, found in self._pairs()]
        return EntityCounts(
            np.array([len(true) for true, _ in pairs]),
            np.array([len(found) for _, found in pairs]),
            np.array([len(true & found) for true, found in pairs]),
        )

    def slices(self) -> dict[str, SliceAnswers]:
        """Return the texts that have entities of each label, and those that have none.

        The first are right where exactly the entities of that label were found, the others where
        none was found.
        """
        used = {span.label for true in self.evaluation.truth for span in true}
        slices = {
            f"label {label}": SliceAnswers(self._having(label), self._exact([label]))
            for label in sorted(used)
        }
        return slices | {NONE: SliceAnswers(self.counts.true == 0, self.right)}

    def show(self, row: int) -> ShownAnswer:
        text, found = self.evaluation.texts[row], self.evaluation.found[row]
        return ShownAnswer(
            _in_words(text, self.evaluation.truth[row]),
            _in_words(text, found.spans),
            float(np.mean(found.scores)) if found.scores else None,
        )

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:
        """Judge F1 of whole entities."""
        return [judge_f1(self.counts, champion.counts if champion else None, settings)]

    def _pairs(self) -> Iterable[tuple[list[Span], dict[Span, float]]]:
        """Yield each text's entities, and those that were found with their scores."""
        for true, found in zip(self.evaluation.truth, self.evaluation.found, strict=True):
            yield true, dict(zip(found.spans, found.scores, strict=True))

    def _having(self, label: str) -> Right:
        return np.array([any(s.label == label for s in true) for true in self.evaluation.truth])

    def _exact(self, labels: Sequence[str]) -> Right:
        """Return (texts,) whether exactly the entities of these labels were found."""
        return np.array(
            [
                {s for s in true if s.label in labels} == {s for s in found if s.label in labels}
                for true, found in self._pairs()
            ]
        )


def answer_entities(
    predictor: Predictor, texts: Sequence[str], truth: Sequence[Sequence[Span]], title: str
) -> EntityAnswers:
    """Have a model find the entities of every text; `title` is that of the progress."""
    rows = TaggedTexts(list(texts), [list(spans) for spans in truth], [""] * len(texts))
    return EntityAnswers(predictor.labels, evaluate_entities(predictor, rows, title=title))


def _in_words(text: str, spans: Sequence[Span]) -> str:
    return ", ".join(f"{text[s.start : s.end]} ({s.label})" for s in spans) or NONE


@dataclass(frozen=True)
class EntityCounts:
    """Counts per text, (texts,) each."""

    true: TextCounts  # entities that the text has
    found: TextCounts  # entities that were found in it
    right: TextCounts  # of those found, the ones that are right in label and both edges

    @property
    def f1(self) -> float:
        """F1 of all texts together (micro F1)."""
        return float(_f1(self.right.sum(), self.true.sum() + self.found.sum()))


def judge_f1(
    candidate: EntityCounts, champion: EntityCounts | None, settings: GateSettings
) -> RequirementResult:
    """Refuse a significant fall of more than the margin, and a first model below its floor.

    Entities stand close together in some texts and not at all in others, so F1 may fall where the
    share of exact texts does not. Where few texts carry a fall, chance cannot be distinguished
    from loss, and nothing is decided.
    """
    if champion is None:
        return _judge_floor(candidate, settings)
    difference = candidate.f1 - champion.f1
    low, high = difference_interval(candidate, champion)
    sentence = (
        f"F1 of whole entities {format_share(candidate.f1)} compared with the champion's "
        f"{format_share(champion.f1)}, {points(difference)} points (95 % interval {points(low)} to "
        f"{points(high)}); a fall of more than {points(settings.margin)[1:]} points that is not "
        "chance refuses."
    )
    if difference >= -settings.margin:
        return RequirementResult(REQUIREMENT, GateOutcome.PASSED, sentence)
    if high < 0:
        return RequirementResult(REQUIREMENT, GateOutcome.REFUSED, sentence, WORSE)
    return RequirementResult(
        REQUIREMENT,
        GateOutcome.UNDERPOWERED,
        f"{sentence} Too few texts carry this fall to distinguish it from chance; more texts of "
        "their kind in the golden set could.",
        LARGER_SET,
    )


def _judge_floor(candidate: EntityCounts, settings: GateSettings) -> RequirementResult:
    """Judge a first model, as `requirements.judge_floor` judges the share of exact texts."""
    low, high = f1_interval(candidate)
    sentence = (
        f"F1 of whole entities {format_share(candidate.f1)}, 95 % interval {format_share(low)} to "
        f"{format_share(high)}; all of it must reach the floor of "
        f"{format_share(settings.floor_f1)} that holds for a first model."
    )
    if low >= settings.floor_f1:
        return RequirementResult(REQUIREMENT, GateOutcome.PASSED, sentence)
    if candidate.f1 < settings.floor_f1:
        advice = f"Train it longer or on more rows. {accept('a lower floor_f1')}"
        return RequirementResult(REQUIREMENT, GateOutcome.REFUSED, sentence, advice)
    unsure = f"{sentence} These texts are too few to decide."
    return RequirementResult(REQUIREMENT, GateOutcome.UNDERPOWERED, unsure, LARGER_SET)


def f1_interval(counts: EntityCounts) -> tuple[float, float]:
    """Return the 95 % percentile interval of F1, over texts drawn with replacement."""
    true, found, right = _resampled([counts.true, counts.found, counts.right])
    return _interval(_f1(right, true + found))


def difference_interval(candidate: EntityCounts, champion: EntityCounts) -> tuple[float, float]:
    """Return the 95 % percentile interval of the difference in F1, over resampled texts."""
    true, found, right, champion_found, champion_right = _resampled(
        [candidate.true, candidate.found, candidate.right, champion.found, champion.right]
    )
    return _interval(_f1(right, true + found) - _f1(champion_right, true + champion_found))


def _resampled(columns: Sequence[TextCounts]) -> TextCounts:
    """Return (columns, resamples) of sums over as many texts as there are.

    Texts with the same counts are interchangeable, so how often each *sort* of text is drawn is
    multinomial, and few numbers make up a resample however many the texts are (see
    `paired.bootstrap_interval`). The seed is fixed: the same answers give the same interval.
    """
    counts = np.stack(columns, axis=1)
    sorts, texts = np.unique(counts, axis=0, return_counts=True)
    generator = np.random.default_rng(SEED)
    drawn = [
        generator.multinomial(len(counts), texts / len(counts), size=AT_ONCE) @ sorts
        for _ in range(RESAMPLES // AT_ONCE)
    ]
    return np.concatenate(drawn).T


def _interval(resampled: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _f1(right: TextCounts, true_and_found: TextCounts) -> npt.NDArray[np.float64]:
    """Return F1; 0 where there is nothing to find and nothing was found."""
    return np.asarray(2 * right / np.maximum(true_and_found, 1))
