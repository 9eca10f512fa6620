"""Schemas of feedback: the right answer for a text that was answered."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from function.api.prediction_ids import PATTERN

MAX_ENTITIES = 10_000  # of one text


class RightEntity(BaseModel):
    """Entity at the code points [start, end) of the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class FeedbackRequest(BaseModel):
    """The right label of a text, or its right entities, depending on the model's task."""

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
            description="The answer's header `x-prediction-id`; for further texts of a request, "
            "the same with its last number counted up",
        ),
    ]
    model: Annotated[
        str | None, Field(description="Model that answered; the default model if absent")
    ] = None
    label: Annotated[
        str | None, Field(description="Right label, if the model classifies texts")
    ] = None
    entities: Annotated[
        list[RightEntity] | None,
        Field(
            max_length=MAX_ENTITIES,
            description="All right entities in text order, if the model finds entities",
        ),
    ] = None
    text: Annotated[
        str | None,
        Field(
            description="The text, if its owner wants it kept for training; refused if this "
            "service keeps no texts"
        ),
    ] = None
