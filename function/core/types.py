"""What goes into an engine and what comes out. Plain values: no HTTP, no tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from function.core.tokenization import LongText

Activation = Literal["softmax", "sigmoid", "none"]
Grouping = Literal["entities", "words"]
OUTSIDE = "O"  # what belongs to no entity, as a tag and as a label


@dataclass(frozen=True)
class Options:
    """What a caller may ask of one prediction.

    top_k: how many labels to score; all of them where None.
    explain: also weigh the words (see `core/explanation.py` for what that costs).
    long_text: overrides what the artifact does with texts beyond one window.
    activation: what turns calibrated logits into scores.
    grouping: whole entities, or each of their words by itself with its tag. outside: also what
    belongs to no entity, under the label `O`. Both are of token classification, which has none of
    the others but `long_text`.
    """

    top_k: int | None = None
    explain: bool = False
    long_text: LongText | None = None
    activation: Activation = "softmax"
    grouping: Grouping = "entities"
    outside: bool = False


@dataclass(frozen=True)
class LabelScore:
    """A label and its calibrated probability, unless another activation was asked for."""

    label: str
    score: float


@dataclass(frozen=True)
class Highlight:
    """Why: a stretch of the input and what it did for the predicted label.

    start, end: Unicode code points of the input. weight: the probability that the label loses
    when the stretch is left out, in [-1, 1]; negative where the stretch speaks against it.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Prediction:
    """What one text is about as a whole.

    scores: best first. tokens: of the whole text, without special tokens; words: that they spell.
    windows: how many the model read. truncated: whether some of the text was not read.
    certainty: the label's calibrated probability, whatever scores and however many were asked
    for. margin: from that to the next label's.
    """

    label: str
    score: float
    scores: Sequence[LabelScore]
    tokens: int
    words: int
    windows: int
    truncated: bool
    certainty: float
    margin: float
    highlights: Sequence[Highlight] | None = None


@dataclass(frozen=True)
class Entity:
    """A stretch of the input that names something.

    label: its kind. start, end: Unicode code points of the input, of which `text` is that slice.
    score: the mean, over its words, of the probability of the word's tag.
    """

    label: str
    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class EntityPrediction:
    """What one text names, in reading order; the rest as in Prediction.

    whole: the entities as they are where their words are not asked for one by one.
    """

    entities: Sequence[Entity]
    tokens: int
    words: int
    windows: int
    truncated: bool
    whole: Sequence[Entity]


AnyPrediction = Prediction | EntityPrediction


@dataclass(frozen=True)
class Timings:
    """Milliseconds that each stage of one request took. Feeds log, metrics, headers and answer.

    queue_ms: waiting for a turn of the model; 0 where requests do not queue.
    """

    tokenization_ms: float
    queue_ms: float
    inference_ms: float
    decoding_ms: float
    explanation_ms: float
    total_ms: float


@dataclass(frozen=True)
class ModelInfo:
    """One served model, as `/v1/models` tells it."""

    name: str
    version: str
    digest: str
    task: str
    labels: Sequence[str]
    default: bool
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Predictions in the order of the texts, by which model, and how long that took."""

    model: ModelInfo
    predictions: Sequence[AnyPrediction]
    timings: Timings


class Engine(Protocol):
    """What routes call. `model` is a name, or None for the default model."""

    async def predict(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        """Answer texts.

        Raises UnknownModelError, InputError, BatchTooLargeError, OverloadedError, NotReadyError,
        PredictionError.
        """
        ...

    def models(self) -> Sequence[ModelInfo]:
        """What is served, the default first."""
        ...

    def ready(self) -> bool:
        """Whether the default model is loaded."""
        ...
