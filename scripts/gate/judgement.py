"""A judgement of the gate: its outcome, its reasons, and every figure behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.evaluate.paired import Paired
from scripts.gate.outcome import GateOutcome


@dataclass(frozen=True)
class RequirementResult:
    """One requirement: its outcome, and a plain sentence with its figures and its limit."""

    requirement: str
    outcome: GateOutcome
    sentence: str


@dataclass(frozen=True)
class JudgedModel:
    """An artifact that was judged.

    Attributes:
        version: Its version.
        digest: Its manifest's SHA-256.
        figures: As a manifest records them, with `median_ms` of one answer and `bytes` of its
            files; empty where nothing was scored.
        behaviour: The figure of each check.
    """

    version: str
    digest: str
    figures: dict[str, float] = field(default_factory=dict)
    behaviour: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SliceResult:
    """The share of right answers on some of the rows; without a champion two fields are None."""

    name: str
    rows: int
    candidate: float
    champion: float | None
    paired: Paired | None


@dataclass(frozen=True)
class Disagreement:
    """A text that the two models answer differently.

    Attributes:
        text: The whole text.
        truth: A label, or entities, in words.
        candidate_answer: In words, too.
        candidate_score: Of that answer, None where it has none.
        champion_answer: In words, too.
        champion_score: Of that answer, None where it has none.
        difference: The candidate's support of the truth less the champion's; of labels, the
            difference of their probabilities of the true one.
    """

    text: str
    truth: str
    candidate_answer: str
    candidate_score: float | None
    champion_answer: str
    champion_score: float | None
    difference: float


@dataclass(frozen=True)
class Judgement:
    """The decision on one candidate.

    Attributes:
        outcome: PASSED, REFUSED or UNDERPOWERED.
        reasons: What carried a pass; otherwise a sentence for every requirement that fails.
        model: Its name.
        candidate: The model that was judged.
        champion: The model in production, None for a first model.
        golden: Digest of the golden set.
        rows: Size of the golden set.
        settings: The limits that were applied.
        findings: The result of every requirement.
        measure: Name of the share of right answers, empty where nothing was scored.
        paired: The comparison of the two, None without a champion.
        slices: The same on parts of the golden set.
        disagreements: The texts on which the two differ most.
    """

    outcome: GateOutcome
    reasons: list[str]
    model: str
    candidate: JudgedModel
    champion: JudgedModel | None
    golden: str
    rows: int
    settings: dict[str, float]
    findings: Sequence[RequirementResult]
    measure: str = ""
    paired: Paired | None = None
    slices: Sequence[SliceResult] = ()
    disagreements: Sequence[Disagreement] = ()


def percent(share: float) -> str:
    """Return 0.9285 as `92.85 %`."""
    return f"{100 * share:.2f} %"


def points(difference: float) -> str:
    """Return -0.015 as `−1.50`: percentage points, always with their sign."""
    return f"{100 * difference:+.2f}".replace("-", "−")
