"""`/v1/decisions` of the `openai` client: typed questions about one text.

Nothing is prompted and nothing guessed. A question is answered by a model made for it:

- `choice`: its values are the model's labels, each once, by name or by the manifest's `synonyms`.
- `predicate`: its instructions are one of the manifest's `questions`.
- `score`: its levels are the model's labels, or the `levels` of a model that rates, in their
  order. A rating between two levels is shared between them, so that their mean is the rating.

Every other question gets a refusal. Names and questions are compared without case. Documented
members that only a prompted model could use are ignored, others refused, but in messages: callers
copy those, with ids and states.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import numpy as np
from fastapi import Request, Response
from fastapi.responses import JSONResponse
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
from starlette.routing import BaseRoute

from function.api.limits import require_model
from function.api.observability import record_answer
from function.api.request_schemas import REVIEW, ClosedModel, NonEmptyText
from function.api.routes import RESPONSES, RouteContext
from function.core.predictions import TextPrediction
from function.core.types import ModelInfo, Options

AUTO = "auto"
REASONS = {
    "predicate": "no such model declares this question; GET /v1/models lists those that it takes",
    "choice": "no such model has just these values as its labels; GET /v1/models lists them",
    "score": "no such model has just these levels; GET /v1/models lists labels and levels",
}
UNREAD = "instructions: send text; models here read no images and no JSON"
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


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of decisions."""
    engine = context.engine
    router = context.router("openai", "/v1")
    deciders = [Decider(each) for each in engine.models() if each.task == "text-classification"]

    @router.post("/decisions", responses=RESPONSES, response_model=DecisionResponse)
    async def create_decision(request: Request, body: DecisionRequest) -> Response:
        """Answer questions about one text by the models that are made for them."""
        text = body.text()
        context.check([text])
        if body.model != AUTO:
            require_model(engine, body.model)
        asked = [each for each in deciders if body.model in (AUTO, each.model.name)]
        found = [_find(question, asked) for question in body.questions]
        names = dict.fromkeys(decider.model.name for decider, _ in filter(None, found))
        results = [await engine.predict(name, [text], Options()) for name in names]
        headers: dict[str, str] = {}
        for result in results:
            headers = record_answer(request, [text], result) | headers
        predictions = [cast("TextPrediction", result.predictions[0]) for result in results]
        by_name = dict(zip(names, predictions, strict=True))
        tokens = sum(result.tokens for result in results)
        answers = [
            {"name": question.name, **_answer(question, match, by_name)}
            for question, match in zip(body.questions, found, strict=True)
        ]
        usage = Usage(input_tokens=tokens, total_tokens=tokens).model_dump()
        model = ", ".join(names) or body.model
        return JSONResponse({"model": model, "answers": answers, "usage": usage}, headers=headers)

    return router.routes


class Decider:
    """Served model, with the questions that it was made for."""

    def __init__(self, model: ModelInfo) -> None:
        self.model = model
        declared = model.decisions
        self._labels: dict[str, str | None] = {}
        for label in model.labels:
            words = [label, *declared.get("synonyms", {}).get(label, ())]
            for word in {_folded(each) for each in words}:
                # A word for two labels is one for neither.
                self._labels[word] = None if word in self._labels else label
        self._questions = {
            _folded(text): label for text, label in declared.get("questions", {}).items()
        }
        self.levels: dict[str, float] = {
            _folded(level): rating for level, rating in declared.get("levels", {}).items()
        }

    def labels(self, question: Question) -> list[str] | None:
        """Return the labels that answer a question, in the order of its choices or levels.

        They are none of a rating, None if the model was not made for this.
        """
        wording = _wording(question)
        if wording is None:
            return None
        if question.type == "predicate":
            label = self._questions.get(_folded(wording))
            return None if label is None else [label]
        if question.type == "choice":
            return self._all_labels([choice.value for choice in question.choices])
        names = [level.label for level in question.levels]
        if names and [*map(_folded, names)] == [*self.levels]:
            return []
        return self._all_labels(names)

    def _all_labels(self, names: Sequence[str | bool]) -> list[str] | None:
        """Return the labels that names stand for; None unless they are all labels, each once."""
        if self.model.answer_key != "label":  # others do not exclude each other
            return None
        found = [self._labels.get(_folded(name)) for name in names if isinstance(name, str)]
        labels = [label for label in found if label is not None]
        complete = len(labels) == len(names) and sorted(labels) == sorted(self.model.labels)
        return labels if complete else None


Match = tuple[Decider, list[str]]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _wording(question: Question) -> str | None:
    """Return the instructions; None if they are not text alone."""
    given = question.instructions
    if isinstance(given, str):
        return given
    only_text = all(part.type == "input_text" for part in given)
    return " ".join(part.text for part in given) if only_text else None


def _find(question: Question, deciders: Sequence[Decider]) -> Match | None:
    """Return the first model that answers a question, with the labels that do."""
    found = ((decider, decider.labels(question)) for decider in deciders)
    return next(((decider, labels) for decider, labels in found if labels is not None), None)


def _answer(
    question: Question, match: Match | None, predictions: Mapping[str, TextPrediction]
) -> dict[str, Any]:
    if match is None:
        reason = REASONS[question.type] if _wording(question) is not None else UNREAD
        return {"type": "refusal", "reason": reason}
    decider, labels = match
    prediction = predictions[decider.model.name]
    scores = {each.label: each.score for each in prediction.scores}
    shares = [scores[label] for label in labels]
    if question.type == "predicate":
        return {"type": "predicate", "probability": shares[0]}
    if question.type == "choice":
        values = [choice.value for choice in question.choices]
        return {
            "type": "choice",
            "choice": values[shares.index(max(shares))],
            "confidence": max(shares),
            "probabilities": [
                {"value": value, "probability": share}
                for value, share in zip(values, shares, strict=True)
            ],
        }
    if not shares:
        # Each level's share of a rating falls from 1 at the level to 0 at its neighbours.
        rating, levels = prediction.scores[0].score, [*decider.levels.values()]
        shares = [float(np.interp(rating, levels, one)) for one in np.eye(len(levels))]
    return {
        "type": "score",
        "score": sum(place * share for place, share in enumerate(shares)),
        "confidence": max(shares),
        "probabilities": [
            {"label": level.label, "value": place, "probability": share}
            for place, (level, share) in enumerate(zip(question.levels, shares, strict=True))
        ],
    }
