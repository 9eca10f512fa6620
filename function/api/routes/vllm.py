"""`/score` and `/classify` of vLLM; `rerank.py` has its `/rerank`.

Members that are not named here are ignored, as vLLM does. Long pairs are cut whatever
`truncate_prompt_tokens` says, and `usage` does not count the model's special tokens.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from starlette.routing import BaseRoute

from function.api.body import JsonRoute
from function.api.limits import choose_model
from function.api.observability import record_answer
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import documented
from function.api.routes import RouteContext
from function.api.schemas import REVIEW
from function.core.errors import InputError
from function.core.tokenization import Text, TextPair
from function.core.types import ModelInfo, Options, PredictionResult, TextPrediction

RESPONSES = DOCUMENTED | documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
NonEmptyText = Annotated[str, Field(min_length=1)]
Texts = NonEmptyText | Annotated[list[NonEmptyText], Field(min_length=1, fail_fast=True)]


class VllmRequest(BaseModel):
    """Members of all requests; without `model`, the default or the only one that fits answers."""

    model: str | None = None
    use_activation: Annotated[bool | None, Field(description="false: logits, not scores")] = None

    def options(self) -> Options:
        return Options(activation="none" if self.use_activation is False else None)


class ScoreTexts(VllmRequest):
    """Texts to score with each other: one with one, one with each of several, or by twos."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text_1": "Is it funny?", "text_2": ["Very.", "No."]}]}
    )

    text_1: Texts
    text_2: Texts

    def texts(self) -> tuple[Texts, Texts]:
        return self.text_1, self.text_2


class ScoreDocuments(VllmRequest):
    """Queries and documents to score with each other, as `ScoreTexts`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"queries": "Is it funny?", "documents": ["Very."]}]}
    )

    queries: Texts
    documents: Texts

    def texts(self) -> tuple[Texts, Texts]:
        return self.queries, self.documents


def _form(body: object) -> str:
    return QUERIES if isinstance(body, dict) and "queries" in body else TEXTS


TEXTS, QUERIES = "of texts", "of queries"  # no identifiers, which a location would show
ScoreRequest = Annotated[
    Annotated[ScoreTexts, Tag(TEXTS)] | Annotated[ScoreDocuments, Tag(QUERIES)],
    Discriminator(_form),
]


class ClassifyRequest(VllmRequest):
    """One text, or several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": REVIEW}]})

    input: Texts


class Usage(BaseModel):
    """Tokens of a request."""

    prompt_tokens: int
    total_tokens: int


class ScoreData(BaseModel):
    """Score of one pair."""

    index: int
    object: Literal["score"]
    score: float


class ClassifyData(BaseModel):
    """Best label of one text, and the probabilities in the order of the model's labels."""

    index: int
    label: str
    probs: list[float]
    num_classes: int


class VllmResponse(BaseModel):
    """List of results in the order of the texts."""

    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[ScoreData] | list[ClassifyData]
    usage: Usage


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of vLLM's scores and classification."""
    router = APIRouter(
        tags=["vllm"],
        dependencies=context.guards,
        route_class=JsonRoute,
        strict_content_type=False,
    )

    async def answer(
        request: Request, model: ModelInfo, texts: Sequence[Text], options: Options
    ) -> tuple[PredictionResult, dict[str, str]]:
        context.limits.check(texts)
        result = await context.engine.predict(model.name, texts, options)
        return result, record_answer(request, texts, result)

    async def score(request: Request, body: ScoreRequest) -> Response:
        model = choose_ranker(context, body.model)
        result, headers = await answer(request, model, _joined(*body.texts()), body.options())
        data = [
            {"index": index, "object": "score", "score": value}
            for index, value in enumerate(scores_of(result))
        ]
        return JSONResponse(_listed("score", result, data), headers=headers)

    for path, name in (("/score", "vllm_score"), ("/v1/score", "vllm_score_v1")):
        router.add_api_route(
            path,
            score,
            methods=["POST"],
            name=name,
            description="Return the score of each pair of texts.",
            responses=RESPONSES,
            response_model=VllmResponse,
        )

    @router.post("/classify", responses=RESPONSES, response_model=VllmResponse)
    async def vllm_classify(request: Request, body: ClassifyRequest) -> Response:
        """Return the probabilities of all labels of each text."""
        model = choose_model(
            context.engine,
            body.model,
            lambda each: each.task == "text-classification" and not each.pairs,
            "/classify gives labels to single texts, and this model does not: ask /v1/predict",
        )
        texts = [body.input] if isinstance(body.input, str) else body.input
        result, headers = await answer(request, model, texts, body.options())
        data = [
            _classified(index, model.labels, cast("TextPrediction", prediction))
            for index, prediction in enumerate(result.predictions)
        ]
        return JSONResponse(_listed("classify", result, data), headers=headers)

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


def usage(result: PredictionResult) -> dict[str, int]:
    """Return the tokens of a request, as its answer has them."""
    tokens = sum(prediction.tokens for prediction in result.predictions)
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _joined(first: Texts, second: Texts) -> list[TextPair]:
    """Return the pairs of one text with each, or of texts by twos; raises InputError."""
    one, other = ([each] if isinstance(each, str) else each for each in (first, second))
    if len(one) not in (1, len(other)):
        raise InputError(
            f"{len(one)} and {len(other)} texts: send one with any number, or as many of both"
        )
    return list(map(TextPair, one * (len(other) // len(one)), other))


def _classified(index: int, labels: Sequence[str], prediction: TextPrediction) -> dict[str, Any]:
    scores = {each.label: each.score for each in prediction.scores}
    label = max(labels, key=scores.__getitem__)
    probabilities = [scores[each] for each in labels]
    return {"index": index, "label": label, "probs": probabilities, "num_classes": len(labels)}


def _listed(kind: str, result: PredictionResult, data: Sequence[Any]) -> dict[str, Any]:
    return {
        "id": f"{kind}-{uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": result.model.name,
        "data": data,
        "usage": {**usage(result), "completion_tokens": 0, "prompt_tokens_details": None},
    }
