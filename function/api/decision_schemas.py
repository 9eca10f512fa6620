"""Schemas of `/v1/decisions`, as the `openai` client sends and reads them.

Documented members that only a prompted model could use are ignored: descriptions, `name` of an
input's message, prompt caching, `safety_identifier`. Other members are refused, but in messages,
which callers copy from elsewhere with ids and states.
"""

from collections.abc import Sequence
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
from pydantic_core import PydanticCustomError

from function.api.schemas import REVIEW, ClosedModel

AUTO = "auto"
# A limit on the length makes pydantic refuse half surrogate pairs, which JSON can hold.
Line = Annotated[str, Field(max_length=10_000)]
NonEmptyLine = Annotated[str, Field(min_length=1, max_length=10_000)]
NonEmptyText = Annotated[str, Field(min_length=1)]


class TextPart(BaseModel):
    """Part of a message."""

    type: Literal["input_text"]
    text: NonEmptyText


class UserMessage(BaseModel):
    """Message of the text to decide on, or of a part of it."""

    type: Literal["message"] = "message"
    role: Literal["user"]
    content: NonEmptyText | Annotated[list[TextPart], Field(min_length=1, fail_fast=True)]

    def texts(self) -> list[str]:
        return [self.content] if isinstance(self.content, str) else [p.text for p in self.content]


class InstructionPart(BaseModel):
    """Part of instructions. A question with an image or JSON in them gets a refusal."""

    type: Literal["input_text", "input_image", "input_json"]
    text: Line | None = None


class _Question(ClosedModel):
    """Question about the input; `name` comes back with its answer."""

    instructions: Line | Annotated[list[InstructionPart], Field(min_length=1, fail_fast=True)]
    name: Line | None = None

    @property
    def wording(self) -> str | None:
        """Return the instructions; None if they are not text alone."""
        if isinstance(self.instructions, str):
            return self.instructions
        texts = [part.text if part.type == "input_text" else None for part in self.instructions]
        return None if None in texts else " ".join(map(str, texts))


class PredicateQuestion(_Question):
    """How likely a statement about the input is true."""

    type: Literal["predicate"]


class Choice(ClosedModel):
    """One of the values to choose from."""

    value: StrictBool | Line
    description: str | None = None


class ChoiceQuestion(_Question):
    """Which of the values fits the input."""

    type: Literal["choice"]
    choices: Annotated[list[Choice], Field(min_length=2, max_length=255, fail_fast=True)]


class Level(ClosedModel):
    """One level of a scale."""

    label: Line
    description: str | None = None


class ScoreQuestion(_Question):
    """Where the input lies on a scale of levels, the lowest first."""

    type: Literal["score"]
    levels: Annotated[list[Level], Field(min_length=2, max_length=255, fail_fast=True)]


Question = Annotated[
    PredicateQuestion | ChoiceQuestion | ScoreQuestion, Field(discriminator="type")
]


class DecisionRequest(ClosedModel):
    """Questions about one text; `model` is a served one, or `auto` for one that fits each."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": AUTO,
                    "input": REVIEW,
                    "questions": [
                        {
                            "type": "choice",
                            "name": "tone",
                            "instructions": "What is the review's tone?",
                            "choices": [{"value": "positive"}, {"value": "negative"}],
                        }
                    ],
                }
            ]
        }
    )

    model: NonEmptyLine
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
        return "\n".join(text for message in self.input for text in message.texts())


class _Answer(BaseModel):
    name: str | None


class PredicateAnswer(_Answer):
    """Probability that the statement is true."""

    type: Literal["predicate"] = "predicate"
    probability: float


class ChoiceProbability(BaseModel):
    """A value and its calibrated probability."""

    value: str
    probability: float


class ChoiceAnswer(_Answer):
    """The most probable value; `confidence` is its probability."""

    type: Literal["choice"] = "choice"
    choice: str
    confidence: float
    probabilities: Sequence[ChoiceProbability]


class LevelProbability(BaseModel):
    """A level, its place on the scale from 0, and its probability."""

    label: str
    value: int
    probability: float


class ScoreAnswer(_Answer):
    """The expected place on the scale; `confidence` is the highest probability."""

    type: Literal["score"] = "score"
    score: float
    confidence: float
    probabilities: Sequence[LevelProbability]


class RefusalAnswer(_Answer):
    """No served model answers this question; `reason` says why, beyond the client's schema."""

    type: Literal["refusal"] = "refusal"
    reason: str


Answer = PredicateAnswer | ChoiceAnswer | ScoreAnswer | RefusalAnswer


class InputDetails(BaseModel):
    """Nothing is cached."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputDetails(BaseModel):
    """Nothing is written."""

    reasoning_tokens: int = 0


class Usage(BaseModel):
    """Tokens of the text, once for each model that read it, without special tokens."""

    input_tokens: int
    input_tokens_details: InputDetails = InputDetails()
    output_tokens: int = 0
    output_tokens_details: OutputDetails = OutputDetails()
    total_tokens: int


class DecisionResponse(BaseModel):
    """Answers in the order of the questions; `model` names those that gave them."""

    model: str
    answers: Sequence[Annotated[Answer, Field(discriminator="type")]]
    usage: Usage
