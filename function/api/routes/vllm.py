"""`/score` and `/classify` of vLLM; `rerank.py` has its `/rerank`.

Members that are not named here are ignored, as vLLM does. Long pairs are cut whatever
`truncate_prompt_tokens` says, and `usage` does not count the model's special tokens.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, cast
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from function.api.limits import choose_model
from function.api.request_schemas import REVIEW, NonEmptyText, NonEmptyTexts, listed
from function.api.routes import RESPONSES, RouteContext
from function.core.errors import InputError
from function.core.predictions import TextPrediction
from function.core.tokenization import TextPair
from function.core.types import ModelInfo, Options, PredictionResult

Texts = NonEmptyText | NonEmptyTexts


class VllmRequest(BaseModel):
    """Members of all requests; without `model`, the default or the only one that fits answers."""

    model: str | None = None
    use_activation: Annotated[bool | None, Field(description="false: logits, not scores")] = None

    def options(self) -> Options:
        return Options(activation="none" if self.use_activation is False else None)


class ScoreRequest(VllmRequest):
    """Texts to score with each other: one with any number, or as many of both by twos.

    They may be called `queries` and `documents`, too.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text_1": "Is it funny?", "text_2": ["Very.", "No."]}]}
    )

    text_1: Annotated[Texts, Field(validation_alias=AliasChoices("text_1", "queries"))]
    text_2: Annotated[Texts, Field(validation_alias=AliasChoices("text_2", "documents"))]

    def pairs(self) -> list[TextPair]:
        """Return the pairs; raises InputError for lists of other lengths."""
        one, other = map(listed, (self.text_1, self.text_2))
        if len(one) not in (1, len(other)):
            raise InputError(
                f"{len(one)} and {len(other)} texts: send one with any number, or as many of both"
            )
        return list(map(TextPair, one * (len(other) // len(one)), other))


class ClassifyRequest(VllmRequest):
    """One text, or several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": REVIEW}]})

    input: Texts


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of vLLM's scores and classification."""
    router = context.router("vllm")

    @router.post("/v1/score", responses=RESPONSES, name="vllm_score_v1")
    @router.post("/score", responses=RESPONSES)
    async def vllm_score(request: Request, body: ScoreRequest) -> Response:
        """Return the score of each pair of texts."""
        model = choose_ranker(context, body.model)
        pairs = body.pairs()
        context.check(pairs)
        result, headers = await context.answer(request, model.name, pairs, body.options())
        data = [{"object": "score", "score": score} for score in scores_of(result)]
        return JSONResponse(_answer("score", result, data), headers=headers)

    @router.post("/classify", responses=RESPONSES)
    async def vllm_classify(request: Request, body: ClassifyRequest) -> Response:
        """Return the label of each text, and the probabilities in the order of all labels."""
        model = choose_model(
            context.engine,
            body.model,
            lambda each: each.task == "text-classification" and not each.pairs,
            "/classify gives labels to single texts, and this model does not: ask /v1/predict",
        )
        texts = listed(body.input)
        context.check(texts)
        result, headers = await context.answer(request, model.name, texts, body.options())
        data = []
        for prediction in cast("Sequence[TextPrediction]", result.predictions):
            scores = {each.label: each.score for each in prediction.scores}
            label = max(scores, key=scores.__getitem__)
            probabilities = [scores[each] for each in model.labels]
            data.append({"label": label, "probs": probabilities, "num_classes": len(scores)})
        return JSONResponse(_answer("classify", result, data), headers=headers)

    return router.routes


def choose_ranker(context: RouteContext, name: str | None) -> ModelInfo:
    """Return the model that gives pairs of texts one score; raises as `choose_model` does."""
    return choose_model(
        context.engine,
        name,
        lambda model: model.pairs and model.answer_key == "score",
        "this route needs a model that gives pairs of texts one score, such as a reranker",
    )


def scores_of(result: PredictionResult) -> list[float]:
    """Return the one score of each text or pair."""
    return [cast("TextPrediction", each).scores[0].score for each in result.predictions]


def usage(result: PredictionResult) -> dict[str, Any]:
    """Return the tokens of a request, as its answer has them."""
    return {"prompt_tokens": result.tokens, "total_tokens": result.tokens}


def _answer(kind: str, result: PredictionResult, data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"{kind}-{uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": result.model.name,
        "data": [{"index": index, **each} for index, each in enumerate(data)],
        "usage": {**usage(result), "completion_tokens": 0, "prompt_tokens_details": None},
    }
