"""The project's own protocol, `/v1`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.routing import BaseRoute

from function.api.late_routes import LateRoutes
from function.api.observability import note
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import documented
from function.api.routes import RouteContext
from function.api.schemas import (
    LimitsSchema,
    ModelSchema,
    ModelsResponse,
    Parameters,
    PredictRequest,
    PredictResponse,
)

RESPONSES = DOCUMENTED | documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)
LATE = ["/v1/predict", "/v1/models/{model}/predict", "/v1/models"]

AnswerWith = Callable[[Request, str | None, PredictRequest], Awaitable[Response]]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of `/v1`.

    The one that a cold start is asked for is built at once, the others on first use.
    """
    router = partial(
        APIRouter,
        prefix="/v1",
        tags=["native"],
        dependencies=context.guards,
        strict_content_type=False,
    )
    answer = partial(_answer, context)
    first = router()
    first.add_api_route(
        "/predict",
        # FastAPI would read and parse a function's source at the first answer; a partial has none.
        partial(_predict, answer),
        methods=["POST"],
        name="predict",
        description="Answer one text or several with the default model.",
        responses=RESPONSES,
        response_model=PredictResponse,
    )
    return [*first.routes, LateRoutes(LATE, lambda: _others(router(), context, answer))]


async def _answer(
    context: RouteContext, request: Request, model: str | None, body: PredictRequest
) -> Response:
    texts = body.texts()
    context.limits.check(texts)
    result = await context.engine.predict(model, texts, body.parameters.options())
    # Rendered here: returned as a model, it would be validated and walked once more.
    content = PredictResponse.of(result).model_dump_json(exclude_none=True)
    headers = note(request, texts, result)
    return Response(content, media_type="application/json", headers=headers)


async def _predict(answer: AnswerWith, request: Request, body: PredictRequest) -> Response:
    return await answer(request, None, body)


def _others(router: APIRouter, context: RouteContext, answer: AnswerWith) -> list[BaseRoute]:
    @router.get("/predict", responses=RESPONSES, response_model=PredictResponse)
    async def predict_one(
        request: Request, text: Annotated[str, Query(min_length=1)], explain: bool = False
    ) -> Response:
        """Answer one text given in the address; for trying out."""
        parameters = Parameters(explain=explain)
        return await answer(request, None, PredictRequest(inputs=text, parameters=parameters))

    @router.post("/models/{model}/predict", responses=RESPONSES, response_model=PredictResponse)
    async def predict_with(request: Request, model: str, body: PredictRequest) -> Response:
        """Answer one text or several with a named model."""
        return await answer(request, model, body)

    @router.get("/models", responses=documented(401, 403))
    async def models() -> ModelsResponse:
        """What is served, the default first."""
        limits = context.limits
        shown = LimitsSchema(
            body_bytes=limits.body_bytes, texts=limits.texts, characters=limits.characters
        )
        return ModelsResponse(
            models=[ModelSchema.of(model, shown) for model in context.engine.models()]
        )

    return router.routes
