"""What the gate says, and everything that it says it of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from scripts.evaluate.paired import Paired

Outcome = Literal["passed", "refused", "underpowered"]


@dataclass(frozen=True)
class Finding:
    """One requirement: whether it holds, and a plain sentence with its figures and its limit."""

    requirement: str
    outcome: Outcome | Literal["not judged"]
    sentence: str


@dataclass(frozen=True)
class Subject:
    """An artifact that was judged.

    figures: as a manifest records them, with `median_ms` of one answer and `bytes` of its files;
    empty where nothing was scored. behaviour: the figure of each check.
    """

    version: str
    digest: str
    figures: dict[str, float] = field(default_factory=dict)
    behaviour: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """The share of right answers on some of the rows.

    champion, paired: None where there is no champion.
    """

    name: str
    rows: int
    candidate: float
    champion: float | None
    paired: Paired | None


@dataclass(frozen=True)
class Disagreement:
    """A text that the two read differently.

    truth, answers: a label, or entities, in words. The scores are of the answers, None where there
    is nothing to score. difference: how much the candidate speaks for the truth less how much the
    champion does; of labels, the difference of their probabilities of the true one.
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

    reasons: for `passed` what carried it; otherwise every requirement that does not hold, as a
    sentence each. golden: digest of the golden set; rows: its size. settings: the limits applied.
    measure: what the share of right answers is called, empty where nothing was scored.
    """

    outcome: Outcome
    reasons: list[str]
    model: str
    candidate: Subject
    champion: Subject | None
    golden: str
    rows: int
    settings: dict[str, float]
    findings: Sequence[Finding]
    measure: str = ""
    paired: Paired | None = None
    slices: Sequence[Slice] = ()
    disagreements: Sequence[Disagreement] = ()


def percent(share: float) -> str:
    """0.9285 as `92.85 %`."""
    return f"{100 * share:.2f} %"


def points(difference: float) -> str:
    """-0.015 as `−1.50`: percentage points, always with their sign."""
    return f"{100 * difference:+.2f}".replace("-", "−")
