"""Feedback as it is sent: what is right for a text that was answered."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from function.api.prediction_ids import PATTERN

MOST_ENTITIES = 10_000  # of one text


class RightEntity(BaseModel):
    """Code points [start, end) of the text, and what they name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class FeedbackRequest(BaseModel):
    """The right label of a text, or its right entities, as the model's task is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"id": "0123456789abcdef0123456789abcdef-0", "label": "positive"}]
        },
    )

    id: Annotated[
        str,
        Field(
            pattern=PATTERN,
            description="What the answer's header `x-prediction-id` told; of further texts of a "
            "request, the same with its last number counted up",
        ),
    ]
    model: Annotated[
        str | None, Field(description="Which answered; the default model where none is named")
    ] = None
    label: Annotated[str | None, Field(description="Of a model that classifies texts")] = None
    entities: Annotated[
        list[RightEntity] | None,
        Field(
            max_length=MOST_ENTITIES,
            description="Of a model that finds entities: all of them, in reading order",
        ),
    ] = None
    text: Annotated[
        str | None,
        Field(
            description="The text, where its owner wants it kept to train on; refused where "
            "this service keeps none"
        ),
    ] = None
