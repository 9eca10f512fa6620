"""Interface of an engine, and what it takes and returns: no HTTP, no tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from function.core.heads import Aggregation
from function.core.predictions import AnyPrediction
from function.core.tokenization import LongText, Text, TextTokenizer

Activation = Literal["softmax", "sigmoid", "none"]
Grouping = Literal["entities", "words"]
OUTSIDE = "O"  # tag and label of words that belong to no entity


@dataclass(frozen=True)
class EmbeddingOptions:
    """Options of embeddings, for no other head.

    Attributes:
        normalize: Scale vectors to the length 1, or not; None is the model's own choice.
        dimensions: Keep the first ones alone, of models that were trained so (Matryoshka).
        prompt: Name of the model's prompt to put before texts; None is the default one, if any.
        by_token: Also return a vector for each token.
    """

    normalize: bool | None = None
    dimensions: int | None = None
    prompt: str | None = None
    by_token: bool = False


@dataclass(frozen=True)
class Options:
    """Options of one prediction.

    Token classification supports `long_text`, `grouping` and `outside`; text classification
    supports all but `grouping` and `outside`; embeddings `long_text` and `embedding`.

    Attributes:
        top_k: Number of labels to return; None returns all.
        explain: Also weigh the words (`core/explanation.py` states the cost).
        long_text: Overrides how the artifact treats texts longer than one window.
        activation: Function that turns calibrated logits into scores; None is the head's own.
        grouping: Whole entities, or each word by itself with its tag.
        aggregation: Overrides how a model without a CRF makes one tag of a word's tokens.
        outside: Also return words that belong to no entity, under the label `O`.
        cascade: `off` has the full model read every text, where the model has a first stage.
    """

    top_k: int | None = None
    explain: bool = False
    long_text: LongText | None = None
    activation: Activation | None = None
    grouping: Grouping = "entities"
    outside: bool = False
    aggregation: Aggregation | None = None
    cascade: Literal["auto", "off"] = "auto"
    embedding: EmbeddingOptions = EmbeddingOptions()


@dataclass(frozen=True)
class Timings:
    """Milliseconds of each stage of one request, for the log, metrics, headers and answer.

    Attributes:
        tokenization_ms: From texts to windows of tokens.
        queue_ms: Wait for the model; 0 if requests do not queue.
        decoding_ms: From logits to predictions.
        explanation_ms: Weighing of words; 0 if not asked for.
    """

    tokenization_ms: float
    queue_ms: float
    inference_ms: float
    decoding_ms: float
    explanation_ms: float
    total_ms: float

    @classmethod
    def between(
        cls,
        started: float,
        encoded: float,
        inferred: float,
        decoded: float,
        explained: float,
        queue_seconds: float = 0.0,
    ) -> "Timings":
        """Return the timings of stages that ended at these seconds of `time.perf_counter`."""
        return cls(
            tokenization_ms=1000 * (encoded - started),
            queue_ms=1000 * queue_seconds,
            inference_ms=1000 * (inferred - encoded - queue_seconds),
            decoding_ms=1000 * (decoded - inferred),
            explanation_ms=1000 * (explained - decoded),
            total_ms=1000 * (explained - started),
        )


@dataclass(frozen=True)
class ModelInfo:
    """Served model, as `/v1/models` lists it; `cascade` if it has a first stage.

    `pairs` if it reads pairs of texts. `answer_key` is the member of its predictions that holds
    the answer. `max_tokens` are those of one window; `decisions` are its manifest's `synonyms`,
    `questions` and `levels`. `pooling` is that of a model that embeds.
    """

    name: str
    version: str
    digest: str
    task: str
    labels: Sequence[str]
    default: bool
    cascade: bool = False
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    samples: Sequence[str] = ()
    answer_key: str = "label"
    max_tokens: int = 0
    decisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pooling: str = ""
    pairs: bool = False


@dataclass(frozen=True)
class PredictionResult:
    """Predictions in the order of the texts, with the model and the timings."""

    model: ModelInfo
    predictions: Sequence[AnyPrediction]
    timings: Timings

    @property
    def tokens(self) -> int:
        """Return the tokens of all texts, without special tokens."""
        return sum(prediction.tokens for prediction in self.predictions)


class Engine(Protocol):
    """Interface between routes and models. `model` is a name, or None for the default model."""

    async def predict(
        self, model: str | None, texts: Sequence[Text], options: Options
    ) -> PredictionResult:
        """Predict texts.

        Raises:
            UnknownModelError: No such model is served.
            InputError: A text or an option does not fit the model.
            BatchTooLargeError: The texts take more windows than one request may.
            OverloadedError: The queue is full.
            LateError: The request took longer than its caller waits.
            NotReadyError: The default model is not loaded yet.
            PredictionError: The model failed.
        """
        ...

    def models(self) -> Sequence[ModelInfo]:
        """Return the served models, the default first."""
        ...

    async def tokenizer(self, model: str | None) -> TextTokenizer:
        """Return a model's tokenizer; raises UnknownModelError or NotReadyError."""
        ...

    def ready(self) -> bool:
        """Return whether the default model is loaded."""
        ...
