"""A judgement of the gate: its outcome, its reasons, and every figure behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.evaluate.paired import Paired
from scripts.gate.outcome import GateOutcome


@dataclass(frozen=True)
class RequirementResult:
    """One requirement: its outcome, and a plain sentence with its figures and its limit.

    The advice says what to do where the requirement does not hold.
    """

    requirement: str
    outcome: GateOutcome
    sentence: str
    advice: str = ""

    @property
    def reason(self) -> str:
        """The sentence and the advice."""
        return f"{self.sentence} {self.advice}".rstrip()


def accept(setting: str) -> str:
    """Return the advice that takes the candidate as it is."""
    return f"To accept it as it is, set {setting} in a TOML file and give that by --gate."


def judge_fall(
    requirement: str, sentence: str, difference: float, high: float, margin: float
) -> RequirementResult:
    """Refuse a fall of more than the margin where chance alone, up to `high`, explains none.

    Where few texts carry a fall, chance cannot be distinguished from loss: nothing is decided.
    """
    if difference >= -margin:
        return RequirementResult(requirement, GateOutcome.PASSED, sentence)
    if high < 0:
        return RequirementResult(requirement, GateOutcome.REFUSED, sentence, WORSE)
    return RequirementResult(
        requirement,
        GateOutcome.UNDERPOWERED,
        f"{sentence} Too few texts carry this fall to distinguish it from chance; more texts of "
        "their kind in the golden set could.",
        LARGER_SET,
    )


def judge_first(
    requirement: str, sentence: str, figures: tuple[float, float], floor: float, setting: str
) -> RequirementResult:
    """Judge a first model by a figure and the lower end of its interval."""
    own, low = figures
    if low >= floor:
        return RequirementResult(requirement, GateOutcome.PASSED, sentence)
    if own < floor:
        advice = f"Train it longer or on more rows. {accept(f'a lower {setting}')}"
        return RequirementResult(requirement, GateOutcome.REFUSED, sentence, advice)
    unsure = f"{sentence} These texts are too few to decide."
    return RequirementResult(requirement, GateOutcome.UNDERPOWERED, unsure, LARGER_SET)


LARGER_SET = "Freeze a larger golden set with scripts.golden."
WORSE = (
    "The report (--report FILE) shows the texts on which the two differ most: train on more rows "
    "like those that it loses."
)


@dataclass(frozen=True)
class JudgedModel:
    """An artifact that was judged.

    Figures are those of a manifest, with `median_ms` of one answer and `bytes` of its files; there
    are none where nothing was scored.
    """

    version: str
    digest: str
    figures: dict[str, float] = field(default_factory=dict)
    behaviour: dict[str, float] = field(default_factory=dict)  # the figure of each check


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
    """A text that the two models answer differently; truth and answers are in words.

    An answer without entities has no score. `difference` is the candidate's support of the truth
    less the champion's; of labels, the difference of their probabilities of the true one.
    """

    text: str
    truth: str  # a label, or entities, in words
    candidate_answer: str
    candidate_score: float | None
    champion_answer: str
    champion_score: float | None
    difference: float


@dataclass(frozen=True)
class Judgement:
    """The decision on one candidate."""

    outcome: GateOutcome  # PASSED, REFUSED or UNDERPOWERED
    reasons: list[str]  # what carried a pass; otherwise a sentence for every requirement that fails
    model: str
    candidate: JudgedModel
    champion: JudgedModel | None  # the model in production, None for a first model
    golden: str  # digest of the golden set
    rows: int
    settings: dict[str, float]
    findings: Sequence[RequirementResult]
    measure: str = ""  # name of the share of right answers, empty where nothing was scored
    paired: Paired | None = None  # the comparison of the two, None without a champion
    slices: Sequence[SliceResult] = ()  # the same on parts of the golden set
    disagreements: Sequence[Disagreement] = ()  # the texts on which the two differ most


def format_share(share: float) -> str:
    """Return 0.9285 as `92.85 %`."""
    return f"{100 * share:.2f} %"


def points(difference: float) -> str:
    """Return -0.015 as `−1.50`: percentage points, always with their sign."""
    return f"{100 * difference:+.2f}".replace("-", "−")


def judged(requirement: str, holds: bool, sentence: str, advice: str) -> RequirementResult:
    """Return the result of a requirement that holds or is refused with advice."""
    outcome = GateOutcome.PASSED if holds else GateOutcome.REFUSED
    return RequirementResult(requirement, outcome, sentence, advice)
