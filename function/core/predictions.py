"""Predictions: the answer of each head to one text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Stage = Literal["first", "full"]


@dataclass(frozen=True)
class LabelScore:
    """Label and its calibrated probability, or its score under another activation."""

    label: str
    score: float


@dataclass(frozen=True)
class Highlight:
    """Span [start, end) of the input, in Unicode code points, and its effect on the label.

    `weight` is the probability that the label loses without the span, in [-1, 1]; negative if the
    span counts against the label.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class HeadPrediction:
    """Figures of one text, which the prediction of every head has.

    Attributes:
        tokens: Tokens of the whole text, without special tokens.
        truncated: Part of the text is in no window.
    """

    tokens: int
    words: int
    windows: int
    truncated: bool

    @property
    def label_counts(self) -> Mapping[str, int]:
        """Return how often the text was given each label."""
        return {}


@dataclass(frozen=True)
class Prediction(HeadPrediction):
    """Classification of one whole text.

    Attributes:
        scores: Labels with their scores, best first.
        certainty: Calibrated probability of the label, whatever activation and `top_k`.
        margin: Difference from that to the next label's probability.
        stage: The first stage of a cascade answered alone, or the full model.
    """

    label: str
    score: float
    scores: Sequence[LabelScore]
    certainty: float
    margin: float
    stage: Stage = "full"
    highlights: Sequence[Highlight] | None = None

    @property
    def label_counts(self) -> Mapping[str, int]:
        return {self.label: 1}


@dataclass(frozen=True)
class LabelsPrediction(HeadPrediction):
    """Several labels of one whole text, or none. Other attributes are those of `Prediction`.

    Attributes:
        labels: Those above their thresholds, best first, whatever activation and `top_k`.
        certainty: The highest probability of a label.
    """

    form: ClassVar[str] = "gives a text several labels"
    margin: ClassVar[float | None] = None

    labels: Sequence[str]
    scores: Sequence[LabelScore]
    certainty: float
    highlights: Sequence[Highlight] | None = None

    @property
    def label_counts(self) -> Mapping[str, int]:
        return dict.fromkeys(self.labels, 1)


@dataclass(frozen=True)
class ScorePrediction(HeadPrediction):
    """A number for one whole text. Other attributes are those of `Prediction`.

    Attributes:
        name: The model's name of its one output.
        certainty: The number itself, whatever activation.
    """

    form: ClassVar[str] = "gives a text a number"
    margin: ClassVar[float | None] = None

    name: str
    score: float
    certainty: float
    highlights: Sequence[Highlight] | None = None

    @property
    def scores(self) -> Sequence[LabelScore]:
        """Return the number as protocols of labels have it."""
        return [LabelScore(self.name, self.score)]


@dataclass(frozen=True)
class Entity:
    """Span [start, end) of the input, in Unicode code points, that names something.

    `score` is the mean probability of the tags of its words.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class EntityPrediction(HeadPrediction):
    """Entities of one text, in text order. Other attributes are those of `Prediction`.

    `entities` are whole entities or single words, as the options say; `whole` are always whole.
    """

    form: ClassVar[str] = "finds entities"
    margin: ClassVar[float | None] = None

    entities: Sequence[Entity]
    whole: Sequence[Entity]

    @property
    def label_counts(self) -> Mapping[str, int]:
        return Counter(entity.label for entity in self.whole)

    @property
    def certainty(self) -> float | None:
        """Return the mean score of the entities; None if there are none."""
        scores = [entity.score for entity in self.whole]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class EmbeddingPrediction(HeadPrediction):
    """Vector of one whole text, and if asked for, of each token. Other attributes as above."""

    form: ClassVar[str] = "gives a text a vector"
    certainty: ClassVar[float | None] = None
    margin: ClassVar[float | None] = None

    embedding: Sequence[float]
    token_embeddings: Sequence[Sequence[float]] | None = None


TextPrediction = Prediction | LabelsPrediction | ScorePrediction
AnyPrediction = TextPrediction | EntityPrediction | EmbeddingPrediction
