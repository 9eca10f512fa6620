"""Native protocol, `/v1`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from starlette.routing import BaseRoute

from function.api.late_routes import LateRoutes
from function.api.limits import require_model
from function.api.problems import documented
from function.api.request_schemas import Parameters, PredictRequest
from function.api.routes import RESPONSES, RouteContext
from function.api.schemas import (
    ModelSchema,
    ModelsResponse,
    OpenAiModel,
    PredictResponse,
    render_result,
)

LATE_PATHS = ["/v1/predict", "/v1/models/{model}/predict", "/v1/models", "/v1/models/{model}"]

PredictHandler = Callable[[Request, str | None, PredictRequest], Awaitable[Response]]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of `/v1`.

    The usual route of a cold start is built at once, the others on their first request.
    """
    answer = partial(_answer, context)
    first = context.router("native", "/v1")
    first.add_api_route(
        "/predict",
        # A partial has no source, which FastAPI would read and parse at the first answer.
        partial(_predict, answer),
        methods=["POST"],
        name="predict",
        description="Answer one text or several with the default model.",
        responses=RESPONSES,
        response_model=PredictResponse,
    )
    return [*first.routes, LateRoutes(LATE_PATHS, lambda: _others(context, answer))]


async def _answer(
    context: RouteContext, request: Request, model: str | None, body: PredictRequest
) -> Response:
    texts = body.texts()
    context.check(texts)
    result, headers = await context.answer(request, model, texts, body.parameters.options())
    # Rendered here: FastAPI would validate and serialise a returned model once more.
    return Response(render_result(result), media_type="application/json", headers=headers)


async def _predict(answer: PredictHandler, request: Request, body: PredictRequest) -> Response:
    return await answer(request, None, body)


def _others(context: RouteContext, answer: PredictHandler) -> list[BaseRoute]:
    router = context.router("native", "/v1")

    @router.get("/predict", responses=RESPONSES, response_model=PredictResponse)
    async def predict_text(
        request: Request,
        text: Annotated[str, Query(min_length=1)],
        explain: bool = False,
        cascade: Literal["auto", "off"] = "auto",
    ) -> Response:
        """Answer one text given in the URL, to try the service."""
        parameters = Parameters(explain=explain, cascade=cascade)
        return await answer(request, None, PredictRequest(inputs=text, parameters=parameters))

    @router.post("/models/{model}/predict", responses=RESPONSES, response_model=PredictResponse)
    async def predict_model(request: Request, model: str, body: PredictRequest) -> Response:
        """Answer one text or several with a named model."""
        return await answer(request, model, body)

    @router.get("/models", responses=documented(401, 403))
    async def list_models() -> ModelsResponse:
        """List the served models, the default first."""
        models, limits = context.engine.models(), context.settings.limits
        return ModelsResponse(
            models=[ModelSchema.from_model(model, limits) for model in models],
            data=[OpenAiModel.from_model(model) for model in models],
        )

    @router.get("/models/{model}", responses=documented(401, 403, 404, 422))
    async def retrieve_model(model: str) -> OpenAiModel:
        """Describe a served model to the `openai` client."""
        return OpenAiModel.from_model(require_model(context.engine, model))

    return router.routes
