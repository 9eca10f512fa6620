"""Schemas of answers of the native protocol, as the OpenAPI document shows them."""

import operator
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from function.core.heads import USUAL_ANSWERS
from function.core.predictions import (
    EmbeddingPrediction,
    EntityPrediction,
    HeadPrediction,
    LabelsPrediction,
    Prediction,
    ScorePrediction,
    Stage,
)
from function.core.types import ModelInfo, PredictionResult
from function.settings import Limits


class ObjectSchema(BaseModel):
    """Schema of an object with these attributes."""

    model_config = ConfigDict(from_attributes=True)


class ModelReference(ObjectSchema):
    """The model that answered; `digest` is its manifest's SHA-256, which covers every file."""

    name: str
    version: str
    digest: str


class ScoreSchema(ObjectSchema):
    """A label and its calibrated probability."""

    label: str
    score: float


class HighlightSchema(ObjectSchema):
    """Code points [start, end) of the text, and their effect on the label, in [-1, 1]."""

    start: int
    end: int
    weight: float


class PredictionSchema(ObjectSchema):
    """Classification of one text; `scores` best first, `highlights` if asked for.

    `stage` is the stage of the model's cascade that answered; without a cascade, `full`.
    """

    label: str
    score: float
    scores: list[ScoreSchema]
    tokens: int
    windows: int
    truncated: bool
    stage: Stage
    highlights: list[HighlightSchema] | None = None


class LabelsPredictionSchema(ObjectSchema):
    """Labels of one text, best first: those whose score is above the model's threshold of them.

    `scores` are those of all labels, each by itself; `highlights` are for the best one.
    """

    labels: list[str]
    scores: list[ScoreSchema]
    tokens: int
    windows: int
    truncated: bool
    highlights: list[HighlightSchema] | None = None


class ScorePredictionSchema(ObjectSchema):
    """Number for one text: as the model gives it, or in [0, 1]. `highlights` say what raised it."""

    score: float
    tokens: int
    windows: int
    truncated: bool
    highlights: list[HighlightSchema] | None = None


class EntitySchema(ObjectSchema):
    """Entity at the code points [start, end) of the text."""

    label: str
    text: str
    start: int
    end: int
    score: float


class EntityPredictionSchema(ObjectSchema):
    """Entities of one text, in text order."""

    entities: list[EntitySchema]
    tokens: int
    windows: int
    truncated: bool


class EmbeddingPredictionSchema(ObjectSchema):
    """Vector of one text."""

    embedding: list[float]
    tokens: int
    windows: int
    truncated: bool


class TimingsSchema(ObjectSchema):
    """Milliseconds of each stage."""

    tokenization_ms: float
    queue_ms: float
    inference_ms: float
    decoding_ms: float
    explanation_ms: float
    total_ms: float


class PredictResponse(ObjectSchema):
    """Predictions in the order of the texts."""

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


PREDICTION_SCHEMAS: Mapping[type[HeadPrediction], type[ObjectSchema]] = {
    Prediction: PredictionSchema,
    EntityPrediction: EntityPredictionSchema,
    LabelsPrediction: LabelsPredictionSchema,
    ScorePrediction: ScorePredictionSchema,
    EmbeddingPrediction: EmbeddingPredictionSchema,
}


def render_result(result: PredictionResult) -> bytes:
    """Return the JSON of a `PredictResponse`, without the validation that foreign data need."""
    return to_json(
        {
            "model": _members(result.model, ModelReference),
            "predictions": [
                _members(each, PREDICTION_SCHEMAS[type(each)]) for each in result.predictions
            ],
            "timings": result.timings,
        }
    )


def _members(value: object, schema: type[ObjectSchema]) -> dict[str, Any]:
    """Return the attributes of an object that its schema has, but those that are None."""
    members = ((name, getattr(value, name)) for name in schema.model_fields)
    return {name: member for name, member in members if member is not None}


class LimitsSchema(ObjectSchema):
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
    def from_model(cls, model: ModelInfo, limits: Limits) -> "ModelSchema":
        return cls.model_validate({**vars(model), "limits": limits})


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
