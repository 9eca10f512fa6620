"""Requests and answers of `/v1/decisions`."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from function.api.request_schemas import REVIEW, ClosedModel, NonEmptyText

AUTO = "auto"  # in place of a model: all are asked
EXAMPLE: JsonDict = {"type": "predicate", "instructions": "The review is positive."}
OPTIONS: Any = Field(min_length=2, max_length=255, fail_fast=True, default_factory=list)
# A limit on the length makes pydantic refuse half surrogate pairs, which JSON can hold.
Line = Annotated[str, Field(max_length=10_000)]


class TextPart(BaseModel):
    """Part of a message."""

    type: Literal["input_text"]
    text: NonEmptyText


class UserMessage(BaseModel):
    """Message with the text to decide on, or a part of it."""

    type: Literal["message"] = "message"
    role: Literal["user"]
    content: NonEmptyText | Annotated[list[TextPart], Field(min_length=1, fail_fast=True)]


class InstructionPart(BaseModel):
    """Part of instructions. A question with an image or JSON in them gets a refusal."""

    type: Literal["input_text", "input_image", "input_json"]
    text: Line = ""


class Choice(ClosedModel):
    """One of the values to choose from."""

    value: StrictBool | Line
    description: str | None = None


class Level(ClosedModel):
    """One level of a scale."""

    label: Line
    description: str | None = None


class Question(ClosedModel):
    """Question about the input, with the `choices` or `levels` that its type has."""

    type: Literal["predicate", "choice", "score"]
    name: Line | None = None
    instructions: Line | Annotated[list[InstructionPart], Field(min_length=1, fail_fast=True)]
    choices: Annotated[list[Choice], OPTIONS]
    levels: Annotated[list[Level], OPTIONS]


class DecisionRequest(ClosedModel):
    """Questions about one text; `model` is a served one, or `auto` for one that fits each."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": AUTO, "input": REVIEW, "questions": [EXAMPLE]}]}
    )

    model: Line
    input: NonEmptyText | Annotated[list[UserMessage], Field(min_length=1, fail_fast=True)]
    questions: Annotated[list[Question], Field(min_length=1, max_length=400, fail_fast=True)]
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    safety_identifier: str | None = None

    @field_validator("input", mode="wrap")
    @classmethod
    def _text_alone(cls, given: object, inner: ValidatorFunctionWrapHandler) -> object:
        try:
            return inner(given)
        except ValidationError as error:
            raise PydanticCustomError(
                "form",
                "send a text, or user messages of texts: models here read one text, without "
                "images, JSON, other roles and calls of tools",
            ) from error

    def text(self) -> str:
        """Return the text to decide on; messages and their parts are lines of it."""
        if isinstance(self.input, str):
            return self.input
        contents = [message.content for message in self.input]
        lists = [[each] if isinstance(each, str) else each for each in contents]
        return "\n".join(
            part if isinstance(part, str) else part.text for each in lists for part in each
        )


class Answer(BaseModel):
    """Answer to a question, with the members of its type; `confidence` is the best probability.

    A score is the expected place on the scale, whose levels count from 0. `reason`, beyond the
    client's schema, says why a question was refused.
    """

    type: Literal["predicate", "choice", "score", "refusal"]
    name: str | None
    probability: float | None = None
    choice: str | None = None
    score: float | None = None
    confidence: float | None = None
    probabilities: list[dict[str, str | float]] | None = None
    reason: str | None = None


class Usage(BaseModel):
    """Tokens of the text, once for each model that read it. None are cached or written."""

    input_tokens: int
    input_tokens_details: dict[str, int] = {"cached_tokens": 0, "cache_write_tokens": 0}
    output_tokens: int = 0
    output_tokens_details: dict[str, int] = {"reasoning_tokens": 0}
    total_tokens: int


class DecisionResponse(BaseModel):
    """Answers in the order of the questions; `model` names those that gave them."""

    model: str
    answers: list[Answer]
    usage: Usage
