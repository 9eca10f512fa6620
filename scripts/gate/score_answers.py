"""Answers on a golden set of a model that gives texts a number, and the rank order they must keep.

Models may count in other units, so texts are ranked: each is compared with one other of another
true score, drawn once and for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from function.core.predictor import Predictor
from function.core.tokenization import Text
from scripts.data.scored_texts import ScoredTexts
from scripts.evaluate.paired import SEED, Right
from scripts.evaluate.ranking import (
    Numbers,
    RankingEvaluation,
    evaluate_ranking,
    interval,
    ranking_figures,
    resampled_rho,
    spearman,
)
from scripts.gate.judgement import RequirementResult, judge_fall, judge_first
from scripts.gate.measurement import ShownAnswer, SliceAnswers
from scripts.gate.settings import GateSettings

REQUIREMENT = "Spearman's rho"


@dataclass(frozen=True)
class ScoreAnswers:
    """See `GoldenAnswers`. A text is answered rightly where it and its partner are ranked so."""

    measure: ClassVar[str] = "share of pairs ranked right"
    scored: ClassVar[int] = 0  # numbers are no probabilities: there is no calibration

    evaluation: RankingEvaluation

    @property
    def right(self) -> Right:
        scores, truth = self.evaluation.scores, self.evaluation.truth
        partner = _partners(truth)
        return np.asarray(np.sign(scores - scores[partner]) == np.sign(truth - truth[partner]))

    @cached_property
    def figures(self) -> Mapping[str, float]:
        return ranking_figures(self.evaluation)

    @property
    def support(self) -> Numbers:
        """(texts,) 1 where the rank is the true one, less the further it is away."""
        ranks, true = self.evaluation.ranks
        return np.asarray(1 - np.abs(ranks - true) / (len(true) - 1))

    def slices(self) -> dict[str, SliceAnswers]:
        """Return none: there are no labels."""
        return {}

    def show(self, row: int) -> ShownAnswer:
        found = self.evaluation
        return ShownAnswer(f"{found.truth[row]:.4g}", f"{found.scores[row]:.4g}", None)

    def judge(self, champion: Self | None, settings: GateSettings) -> list[RequirementResult]:
        """Judge Spearman's rho."""
        own, draws = spearman(self.evaluation), resampled_rho(self.evaluation)
        if champion is None:
            low, high = interval(draws)
            sentence = (
                f"Spearman's rho {own:.3f}, 95 % interval {low:.3f} to {high:.3f}; all of it must "
                f"reach the floor of {settings.floor_spearman:.3f} that holds for a first model."
            )
            floor = settings.floor_spearman
            return [judge_first(REQUIREMENT, sentence, (own, low), floor, "floor_spearman")]
        before = spearman(champion.evaluation)
        low, high = interval(draws - resampled_rho(champion.evaluation))
        sentence = (
            f"Spearman's rho {own:.3f} compared with the champion's {before:.3f}, a difference of "
            f"{own - before:+.3f} (95 % interval {low:+.3f} to {high:+.3f}); a fall of more than "
            f"{settings.margin:.3f} that is not chance refuses."
        ).replace("-", "−")
        return [judge_fall(REQUIREMENT, sentence, own - before, high, settings.margin)]


def answer_scores(
    predictor: Predictor, texts: Sequence[Text], truth: Sequence[float], title: str
) -> ScoreAnswers:
    """Have a model give every text a number; `title` is that of the progress."""
    rows = ScoredTexts(list(texts), list(truth))
    return ScoreAnswers(evaluate_ranking(predictor, rows, title=title))


def _partners(truth: Numbers) -> npt.NDArray[np.int64]:
    """Return for each row another one of another score: the next such one in a shuffled circle."""
    order = np.random.default_rng(SEED).permutation(len(truth))
    partners = np.empty(len(truth), dtype=np.int64)
    for position, row in enumerate(order):
        later = (order[(position + step) % len(truth)] for step in range(1, len(truth)))
        partners[row] = next(other for other in later if truth[other] != truth[row])
    return partners
