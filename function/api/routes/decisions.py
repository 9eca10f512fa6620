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
from typing import Any, cast

import numpy as np
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from function.api.decision_schemas import AUTO, DecisionRequest, DecisionResponse, Question, Usage
from function.api.limits import require_model
from function.api.observability import record_answer
from function.api.routes import RESPONSES, RouteContext
from function.core.predictions import TextPrediction
from function.core.types import ModelInfo, Options

REASONS = {
    "predicate": "no such model declares this question; GET /v1/models lists those that it takes",
    "choice": "no such model has just these values as its labels; GET /v1/models lists them",
    "score": "no such model has just these levels; GET /v1/models lists labels and levels",
}
UNREAD = "instructions: send text; models here read no images and no JSON"


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of decisions."""
    engine = context.engine
    router = context.router("openai", "/v1")
    served = [each for each in engine.models() if each.task == "text-classification"]
    deciders = [Decider(each) for each in served if not each.pairs]

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
