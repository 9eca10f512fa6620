"""Hugging Face's Inference schema, for `huggingface_hub.InferenceClient(URL)`.

The client posts `{"inputs": ..., "parameters": {...}}` to the very URL that it was given, so the
URL names the model. Of the answer it takes the first element: even one text is answered with a list
of lists, as Hugging Face's own Inference API does. Its exceptions show a problem's `error`.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response, params
from fastapi.responses import JSONResponse

from function.api.hugging_face_schemas import HuggingFaceRequest
from function.api.limits import RequestLimits
from function.api.observability import note
from function.api.problems import documented
from function.api.schemas import ScoreSchema
from function.core.types import Engine

ERRORS = documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
Classes = list[list[ScoreSchema]]


def router(engine: Engine, limits: RequestLimits, guards: Sequence[params.Depends]) -> APIRouter:
    """Routes over an engine. guards: what lets a request through to any of them."""
    routes = APIRouter(tags=["hugging face"], dependencies=guards, strict_content_type=False)

    async def answer(request: Request, model: str | None, body: HuggingFaceRequest) -> Response:
        texts = body.texts()
        limits.check(texts)
        result = await engine.predict(model, texts, body.options())
        classes = [
            [{"label": score.label, "score": score.score} for score in prediction.scores]
            for prediction in result.predictions
        ]
        return JSONResponse(classes, headers=note(request.state.log, result))

    @routes.post("/", responses=ERRORS, response_model=Classes)
    async def infer(request: Request, body: HuggingFaceRequest) -> Response:
        """Labels and scores of each text, best first, by the default model."""
        return await answer(request, None, body)

    @routes.post("/models/{model}", responses=ERRORS, response_model=Classes)
    async def infer_with(request: Request, model: str, body: HuggingFaceRequest) -> Response:
        """Labels and scores of each text, best first, by a named model."""
        return await answer(request, model, body)

    return routes
