"""The project's own protocol, `/v1`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, params

from function.api.limits import RequestLimits
from function.api.observability import note
from function.api.problems import documented
from function.api.schemas import (
    LimitsSchema,
    ModelSchema,
    ModelsResponse,
    Parameters,
    PredictRequest,
    PredictResponse,
)
from function.core.types import Engine

ERRORS = documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)


def router(engine: Engine, limits: RequestLimits, guards: Sequence[params.Depends]) -> APIRouter:
    """Routes over an engine. guards: what lets a request through to any of them."""
    routes = APIRouter(
        prefix="/v1", tags=["native"], dependencies=guards, strict_content_type=False
    )

    async def answer(request: Request, model: str | None, body: PredictRequest) -> Response:
        texts = body.texts()
        limits.check(texts)
        result = await engine.predict(model, texts, body.parameters.options())
        # Rendered here: returned as a model, it would be validated and walked once more.
        content = PredictResponse.of(result).model_dump_json(exclude_none=True)
        headers = note(request.state.log, result)
        return Response(content, media_type="application/json", headers=headers)

    @routes.post("/predict", responses=ERRORS, response_model=PredictResponse)
    async def predict(request: Request, body: PredictRequest) -> Response:
        """Answer one text or several with the default model."""
        return await answer(request, None, body)

    @routes.get("/predict", responses=ERRORS, response_model=PredictResponse)
    async def predict_one(
        request: Request, text: Annotated[str, Query(min_length=1)], explain: bool = False
    ) -> Response:
        """Answer one text given in the address; for trying out."""
        parameters = Parameters(explain=explain)
        return await answer(request, None, PredictRequest(inputs=text, parameters=parameters))

    @routes.post("/models/{model}/predict", responses=ERRORS, response_model=PredictResponse)
    async def predict_with(request: Request, model: str, body: PredictRequest) -> Response:
        """Answer one text or several with a named model."""
        return await answer(request, model, body)

    @routes.get("/models", responses=documented(401, 403))
    async def models() -> ModelsResponse:
        """What is served, the default first."""
        shown = LimitsSchema(
            body_bytes=limits.body_bytes, texts=limits.texts, characters=limits.characters
        )
        return ModelsResponse(models=[ModelSchema.of(model, shown) for model in engine.models()])

    return routes
