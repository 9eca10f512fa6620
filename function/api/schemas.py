"""Schemas of the native protocol, as the OpenAPI document shows them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from function.core.artifact import USUAL_ANSWERS
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


class PredictRequest(ClosedModel):
    """One text, or several to be answered together."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": REVIEW, "parameters": {"explain": True}}]}
    )

    inputs: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[str], Field(min_length=1, fail_fast=True)]
    )
    parameters: Parameters = Parameters()

    def texts(self) -> list[str]:
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs


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
        | list[ScorePredictionSchema],
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
    prediction that holds the answer, where it is not the task's usual `label` or `entities`.
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
        )


class ModelsResponse(BaseModel):
    """Served models, the default first."""

    models: list[ModelSchema]


class HealthResponse(BaseModel):
    """Answer to a probe."""

    status: Literal["live", "ready"]
