"""Schemas of the native protocol, as the OpenAPI document shows them."""

import operator
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from function.core.heads import USUAL_ANSWERS
from function.core.tokenization import Text, TextPair
from function.core.types import Grouping, ModelInfo, Options, PredictionResult, Stage

REVIEW = "A warm, funny film that never talks down to its audience."
MAX_MEMBERS = 32


class ClosedModel(BaseModel):
    """Request, or a part of one, that refuses unknown members."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, given: object) -> object:
        """Refuse many members in one error: each unknown one is an error of its own."""
        if isinstance(given, dict) and len(given) > MAX_MEMBERS:
            raise PydanticCustomError(
                "too_many_members",
                "{members} members: send at most {limit}",
                {"members": len(given), "limit": MAX_MEMBERS},
            )
        return given


class Parameters(ClosedModel):
    """Options of the answer, and the treatment of long texts."""

    model_config = ConfigDict(frozen=True)

    top_k: Annotated[
        int | None, Field(ge=1, strict=True, description="Labels to score; all by default")
    ] = None
    explain: Annotated[
        bool, Field(strict=True, description="Also weigh the words; takes longer")
    ] = False
    long_text: Annotated[
        Literal["window", "truncate"] | None,
        Field(
            description="Use all of a long text in windows, or only its start; by default as the "
            "model does"
        ),
    ] = None

    grouping: Annotated[
        Grouping, Field(description="Entities as a whole, or each word by itself with its tag")
    ] = "entities"

    cascade: Annotated[
        Literal["auto", "off"],
        Field(description="Let a first stage answer texts of which it is sure, where there is one"),
    ] = "auto"

    def options(self) -> Options:
        return Options(
            self.top_k,
            self.explain,
            self.long_text,
            grouping=self.grouping,
            cascade=self.cascade,
        )


class PairSchema(ClosedModel):
    """Two texts, for models that read pairs."""

    text: Annotated[str, Field(min_length=1)]
    text_pair: Annotated[str, Field(min_length=1)]


def texts_of(inputs: str | PairSchema | Sequence[str] | Sequence[PairSchema]) -> list[Text]:
    """Return the texts or pairs of a request, which may be a single one."""
    each = [inputs] if isinstance(inputs, str | PairSchema) else inputs
    return [text if isinstance(text, str) else TextPair(text.text, text.text_pair) for text in each]


def _form(inputs: object) -> str:
    first = inputs[0] if isinstance(inputs, list) and inputs else inputs
    pair = isinstance(first, PairSchema) or (isinstance(first, dict) and "text_pair" in first)
    return PAIRS if pair else TEXTS


# Tags of the two forms; errors name no location that is no identifier.
TEXTS, PAIRS = "single texts", "pairs of texts"
TextsOrPairs = Annotated[
    Annotated[
        Annotated[str, Field(min_length=1)]
        | Annotated[list[str], Field(min_length=1, fail_fast=True)],
        Tag(TEXTS),
    ]
    | Annotated[PairSchema | Annotated[list[PairSchema], Field(fail_fast=True)], Tag(PAIRS)],
    Discriminator(_form),
]


class PredictRequest(ClosedModel):
    """One text, or several to be answered together; or one pair of texts, or several."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": REVIEW, "parameters": {"explain": True}}]}
    )

    inputs: TextsOrPairs
    parameters: Parameters = Parameters()

    def texts(self) -> list[Text]:
        return texts_of(self.inputs)


class ModelReference(BaseModel):
    """The model that answered; `digest` is its manifest's SHA-256, which covers every file."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    version: str
    digest: str


class ScoreSchema(BaseModel):
    """A label and its calibrated probability."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    score: float


class HighlightSchema(BaseModel):
    """Code points [start, end) of the text, and their effect on the label, in [-1, 1]."""

    model_config = ConfigDict(from_attributes=True)

    start: int
    end: int
    weight: float


class PredictionSchema(BaseModel):
    """Classification of one text; `scores` best first, `highlights` if asked for.

    `stage` is the stage of the model's cascade that answered; without a cascade, `full`.
    """

    model_config = ConfigDict(from_attributes=True)

    label: str
    score: float
    scores: list[ScoreSchema]
    tokens: int
    windows: int
    truncated: bool
    stage: Stage
    highlights: list[HighlightSchema] | None = None


class LabelsPredictionSchema(BaseModel):
    """Labels of one text, best first: those whose score is above the model's threshold of them.

    `scores` are those of all labels, each by itself; `highlights` are for the best one.
    """

    model_config = ConfigDict(from_attributes=True)

    labels: list[str]
    scores: list[ScoreSchema]
    tokens: int
    windows: int
    truncated: bool
    highlights: list[HighlightSchema] | None = None


class ScorePredictionSchema(BaseModel):
    """Number for one text: as the model gives it, or in [0, 1]. `highlights` say what raised it."""

    model_config = ConfigDict(from_attributes=True)

    score: float
    tokens: int
    windows: int
    truncated: bool
    highlights: list[HighlightSchema] | None = None


class EntitySchema(BaseModel):
    """Entity at the code points [start, end) of the text."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    text: str
    start: int
    end: int
    score: float


class EntityPredictionSchema(BaseModel):
    """Entities of one text, in text order."""

    model_config = ConfigDict(from_attributes=True)

    entities: list[EntitySchema]
    tokens: int
    windows: int
    truncated: bool


class EmbeddingPredictionSchema(BaseModel):
    """Vector of one text."""

    model_config = ConfigDict(from_attributes=True)

    embedding: list[float]
    tokens: int
    windows: int
    truncated: bool


class TimingsSchema(BaseModel):
    """Milliseconds of each stage."""

    model_config = ConfigDict(from_attributes=True)

    tokenization_ms: float
    queue_ms: float
    inference_ms: float
    decoding_ms: float
    explanation_ms: float
    total_ms: float


class PredictResponse(BaseModel):
    """Predictions in the order of the texts."""

    model_config = ConfigDict(from_attributes=True)

    model: ModelReference
    predictions: Annotated[
        list[PredictionSchema]
        | list[EntityPredictionSchema]
        | list[LabelsPredictionSchema]
        | list[ScorePredictionSchema]
        | list[EmbeddingPredictionSchema],
        Field(union_mode="left_to_right"),
    ]
    timings: TimingsSchema

    @classmethod
    def from_result(cls, result: PredictionResult) -> "PredictResponse":
        return cls.model_validate(result)


class LimitsSchema(BaseModel):
    """Limits on one request."""

    body_bytes: int
    texts: int
    characters: int


class ModelSchema(BaseModel):
    """Served model; `metrics` by data set and `samples` to try, as its manifest has them.

    `cascade` says whether a first stage answers some texts; `answer_key` is the member of a
    prediction that holds the answer, where it is not the task's usual `label`, `entities` or
    `embedding`; `pairs` is there where the model reads pairs of texts. The `decisions` are those
    that its manifest declares.
    """

    name: str
    version: str
    digest: str
    task: str
    labels: list[str]
    default: bool
    cascade: bool
    metrics: dict[str, dict[str, float]]
    samples: list[str]
    limits: LimitsSchema
    answer_key: Annotated[str, Field(exclude_if=lambda key: key in USUAL_ANSWERS.values())] = (
        "label"
    )
    decisions: Annotated[Mapping[str, Mapping[str, Any]], Field(exclude_if=operator.not_)] = {}
    pairs: Annotated[bool, Field(exclude_if=operator.not_)] = False

    @classmethod
    def from_model(cls, model: ModelInfo, limits: LimitsSchema) -> "ModelSchema":
        return cls(
            name=model.name,
            version=model.version,
            digest=model.digest,
            task=model.task,
            labels=list(model.labels),
            default=model.default,
            cascade=model.cascade,
            metrics=model.metrics,
            samples=list(model.samples),
            limits=limits,
            answer_key=model.answer_key,
            decisions=model.decisions,
            pairs=model.pairs,
        )


class OpenAiModel(BaseModel):
    """Served model as the `openai` client reads it; `created` in seconds since 1970."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "evergreen"

    @classmethod
    def from_model(cls, model: ModelInfo) -> "OpenAiModel":
        day = datetime.strptime(model.version[:8], "%Y%m%d").replace(tzinfo=UTC)
        return cls(id=model.name, created=int(day.timestamp()))


class ModelsResponse(BaseModel):
    """Served models, the default first; `object` and `data` are for the `openai` client."""

    models: list[ModelSchema]
    object: Literal["list"] = "list"
    data: list[OpenAiModel]


class HealthResponse(BaseModel):
    """Answer to a probe."""

    status: Literal["live", "ready"]
