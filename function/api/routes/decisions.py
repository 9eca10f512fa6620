"""`/v1/decisions` of the `openai` client: typed questions about one text.

Nothing is prompted and nothing guessed. A question is answered by a model made for it:

- `choice`: its values are the model's labels, each once, by name or by the manifest's `synonyms`.
- `predicate`: its instructions are one of the manifest's `questions`.
- `score`: its levels are the model's labels, or the `levels` of a model that rates, in their
  order. A rating between two levels is shared between them, so that the mean is the rating.

Every other question gets a refusal. Names and questions are compared without case.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from function.api.body import JsonRoute
from function.api.decision_schemas import (
    AUTO,
    Answer,
    ChoiceAnswer,
    ChoiceProbability,
    DecisionRequest,
    DecisionResponse,
    LevelProbability,
    PredicateAnswer,
    Question,
    RefusalAnswer,
    ScoreAnswer,
    Usage,
)
from function.api.limits import require_model
from function.api.observability import record_answer
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import documented
from function.api.routes import RouteContext
from function.core.types import ModelInfo, Options, TextPrediction

RESPONSES = DOCUMENTED | documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
REASONS = {
    "predicate": "no such model declares this question; GET /v1/models lists those that it takes",
    "choice": "no such model has just these values as its labels; GET /v1/models lists them",
    "score": "no such model has just these levels; GET /v1/models lists labels and levels",
}


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of decisions."""
    engine = context.engine
    router = APIRouter(
        prefix="/v1",
        tags=["openai"],
        dependencies=context.guards,
        route_class=JsonRoute,
        strict_content_type=False,
    )
    deciders = [Decider(each) for each in engine.models() if each.task == "text-classification"]

    @router.post("/decisions", responses=RESPONSES, response_model=DecisionResponse)
    async def create_decision(request: Request, body: DecisionRequest) -> Response:
        """Answer questions about one text by the models that are made for them."""
        text = body.text()
        context.limits.check([text])
        if body.model != AUTO:
            require_model(engine, body.model)
        asked = [each for each in deciders if body.model in (AUTO, each.model.name)]
        found = [_find(question, asked) for question in body.questions]
        names = dict.fromkeys(decider.model.name for decider, _ in filter(None, found))
        results = [await engine.predict(name, [text], Options()) for name in names]
        predictions = {
            result.model.name: cast("TextPrediction", result.predictions[0]) for result in results
        }
        headers: dict[str, str] = {}
        for result in results:
            headers = record_answer(request, [text], result) | headers
        tokens = sum(prediction.tokens for prediction in predictions.values())
        decision = DecisionResponse(
            model=", ".join(names) or body.model,
            answers=[
                _answer(question, *match, predictions[match[0].model.name])
                if match
                else _refusal(question)
                for question, match in zip(body.questions, found, strict=True)
            ],
            usage=Usage(input_tokens=tokens, total_tokens=tokens),
        )
        return JSONResponse(decision.model_dump(), headers=headers)

    return router.routes


class Decider:
    """Served model, with the questions that it was made for."""

    def __init__(self, model: ModelInfo) -> None:
        self.model = model
        self._labels: dict[str, str | None] = {}
        for label in model.labels:
            for word in {_folded(each) for each in [label, *model.synonyms.get(label, ())]}:
                # A word for two labels is one for neither.
                self._labels[word] = None if word in self._labels else label
        self._questions = {_folded(each): label for each, label in model.questions.items()}

    def labels(self, question: Question) -> list[str] | None:
        """Return the labels that answer a question, in the order of its values or levels.

        They are none of a rating, None if the model was not made for this.
        """
        if question.wording is None:
            return None
        if question.type == "predicate":
            label = self._questions.get(_folded(question.wording))
            return None if label is None else [label]
        if question.type == "choice":
            return self._all_labels([choice.value for choice in question.choices])
        names = [level.label for level in question.levels]
        if self.model.levels and [*map(_folded, names)] == [*map(_folded, self.model.levels)]:
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


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _find(question: Question, deciders: Sequence[Decider]) -> tuple[Decider, list[str]] | None:
    """Return the first model that answers a question, with the labels that do."""
    found = ((decider, decider.labels(question)) for decider in deciders)
    return next(((decider, labels) for decider, labels in found if labels is not None), None)


def _answer(
    question: Question, decider: Decider, labels: Sequence[str], prediction: TextPrediction
) -> Answer:
    scores = {each.label: each.score for each in prediction.scores}
    shares = [scores[label] for label in labels]
    if question.type == "predicate":
        return PredicateAnswer(name=question.name, probability=shares[0])
    if question.type == "choice":
        values = [str(choice.value) for choice in question.choices]
        best = shares.index(max(shares))
        return ChoiceAnswer(
            name=question.name,
            choice=values[best],
            confidence=shares[best],
            probabilities=[
                ChoiceProbability(value=value, probability=share)
                for value, share in zip(values, shares, strict=True)
            ],
        )
    shares = shares or _shared(prediction.scores[0].score, [*decider.model.levels.values()])
    return ScoreAnswer(
        name=question.name,
        score=sum(place * share for place, share in enumerate(shares)),
        confidence=max(shares),
        probabilities=[
            LevelProbability(label=level.label, value=place, probability=share)
            for place, (level, share) in enumerate(zip(question.levels, shares, strict=True))
        ],
    )


def _shared(rating: float, levels: Sequence[float]) -> list[float]:
    """Return each level's share of a rating: two neighbours share it, so that it is their mean."""
    shares = [0.0] * len(levels)
    for place, (low, high) in enumerate(pairwise(levels)):
        if rating <= high or place == len(levels) - 2:
            upper = min(max((rating - low) / (high - low), 0.0), 1.0)
            shares[place : place + 2] = 1 - upper, upper
            break
    return shares


def _refusal(question: Question) -> RefusalAnswer:
    reason = REASONS[question.type]
    if question.wording is None:
        reason = "instructions: send text; models here read no images and no JSON"
    return RefusalAnswer(name=question.name, reason=reason)
