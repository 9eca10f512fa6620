"""`/predict` of Hugging Face's text-embeddings-inference (TEI); `rerank.py` has its `/rerank`.

It differs from TEI in this:

- A long text is treated as the model's artifact says. TEI refuses or cuts it, as it was started;
  `truncate` selects either.
- Raw scores are logits divided by the model's temperature: their softmax is the scores.
- A model that fails is 500, which alarms count, and not 424.
- Errors are problems, which have TEI's `error` and `error_type`.
- Pairs are answered by the default model, or by the only one that reads them.
- `x-compute-tokens` does not count the model's special tokens, and times are those of the whole
  request, in whole milliseconds. There is no `x-compute-type`.
"""

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from function.api.body import JsonRoute
from function.api.hugging_face_schemas import TextEmbeddingsRequest
from function.api.limits import choose_model
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import MEDIA_TYPE, closest, documented
from function.api.routes import RouteContext
from function.api.schemas import ScoreSchema
from function.core.errors import (
    BatchTooLargeError,
    EvergreenError,
    InputError,
    NotReadyError,
    OverloadedError,
)
from function.core.predictions import TextPrediction
from function.core.tokenization import Text, TextPair
from function.core.types import Options, PredictionResult

ERROR_TYPES: dict[type[Exception], str] = {
    InputError: "Validation",
    RequestValidationError: "Validation",
    OverloadedError: "Overloaded",
    NotReadyError: "Unhealthy",
    EvergreenError: "Backend",
}
TYPED_PROBLEM = {
    "allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {"properties": {"error_type": {"enum": sorted(set(ERROR_TYPES.values()))}}},
    ]
}


def typed_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return these statuses as an OpenAPI document has them, with `error_type`."""
    content = {MEDIA_TYPE: {"schema": TYPED_PROBLEM}}
    return {
        status: {**response, "content": content}
        for status, response in documented(*statuses).items()
    }


RESPONSES = DOCUMENTED | typed_problems(400, 401, 403, 413, 415, 422, 429, 500, 503)
NO_PAIRS = 'no model here reads pairs of texts: send a batch of texts as [["one"], ["another"]]'


class TypedProblemsRoute(JsonRoute):
    """A route whose problems carry `error_type` as well."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_typed(request: Request) -> Response:
            try:
                return await handle(request)
            except tuple(ERROR_TYPES) as error:
                problem: JSONResponse = await closest(request.app.exception_handlers, error)(
                    request, error
                )
                typed = json.loads(bytes(problem.body)) | {
                    "error_type": closest(ERROR_TYPES, error)
                }
                problem.body = problem.render(typed)
                problem.headers["content-length"] = str(len(problem.body))
                return problem

        return handle_typed


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of text-embeddings-inference's `/predict`."""
    engine = context.engine
    router = context.router("text embeddings inference", route_class=TypedProblemsRoute)

    @router.post(
        "/predict", responses=RESPONSES, response_model=list[ScoreSchema] | list[list[ScoreSchema]]
    )
    async def text_embeddings_predict(request: Request, body: TextEmbeddingsRequest) -> Response:
        """Return labels and scores, best first: flat for one text, a list of lists for a batch."""
        texts = body.texts()
        context.check(texts)
        model = engine.models()[0]
        if any(isinstance(text, TextPair) for text in texts):
            model = choose_model(engine, None, lambda each: each.pairs, NO_PAIRS)
        elif model.task != "text-classification":
            raise InputError(
                f"/predict gives labels to whole texts, and the default model, '{model.name}', "
                "does not: ask /v1/predict"
            )
        result, headers = await answer(
            context, request, model.name, texts, body.options(), whole=body.truncate is False
        )
        predictions = [
            [{"score": score.score, "label": score.label} for score in prediction.scores]
            for prediction in cast("Sequence[TextPrediction]", result.predictions)
        ]
        return JSONResponse(predictions if body.is_batch else predictions[0], headers=headers)

    return router.routes


async def answer(
    context: RouteContext,
    request: Request,
    model: str,
    texts: Sequence[Text],
    options: Options,
    *,
    whole: bool = False,
) -> tuple[PredictionResult, dict[str, str]]:
    """Return what `RouteContext.answer` does, with TEI's headers as well.

    Raises BatchTooLargeError where part of a text was not used, and all of it (`whole`) should be.
    """
    result, headers = await context.answer(request, model, texts, options)
    timings = result.timings
    headers |= {
        "x-compute-characters": str(sum(len(text) for text in texts)),
        "x-compute-tokens": str(result.tokens),
        "x-compute-time": str(int(timings.total_ms)),
        "x-total-time": str(int(timings.total_ms)),
        "x-tokenization-time": str(int(timings.tokenization_ms)),
        "x-queue-time": str(int(timings.queue_ms)),
        "x-inference-time": str(int(timings.inference_ms)),
    }
    for index, prediction in enumerate(result.predictions):
        if whole and prediction.truncated:
            raise BatchTooLargeError(
                f"text {index} has {prediction.tokens} tokens, more than {prediction.windows} "
                "windows hold: send a shorter one, or send truncate true"
            )
    return result, headers
