"""The Open Inference Protocol over HTTP, `/v2`: what Triton's and KServe's clients speak."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from function.api.body import JSON_LENGTH
from function.api.limits import served
from function.api.observability import note
from function.api.open_inference.compression import compress
from function.api.open_inference.request import read
from function.api.open_inference.response import BINARY, JSON, render
from function.api.open_inference.schemas import InferenceRequest, InferenceResponse
from function.api.open_inference.tensors import OUTPUTS
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import documented
from function.api.routes import RouteContext

REFERENCE = "#/components/schemas/{model}"

Answers = Callable[[Request, str, str | None, str | None], Awaitable[Response]]
JsonLength = Annotated[
    str | None,
    Header(alias=JSON_LENGTH, description="Bytes of JSON in the body, where tensors follow it"),
]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes that take tensors."""
    router = APIRouter(prefix="/v2", tags=["open inference"], dependencies=context.guards)
    answer = partial(_answer, context)
    router.add_api_route(
        "/models/{model}/infer",
        # FastAPI would read and parse a function's source at the first answer; a partial has none.
        partial(_infer, answer),
        name="infer",
        description="Answer texts, given and answered as tensors: in JSON, or in binary behind it.",
        **_common(),
    )
    router.add_api_route(
        "/models/{model}/versions/{version}/infer",
        partial(_infer_with, answer),
        name="infer_with_version",
        description="Answer texts, if this version is served.",
        **_common(),
    )
    return router.routes


async def _answer(
    context: RouteContext,
    request: Request,
    model: str,
    version: str | None,
    json_length: str | None,
) -> Response:
    found = served(context.engine, model, version)
    inference = read(await request.body(), json_length, OUTPUTS[found.task], context.limits)
    context.limits.check(inference.texts)
    result = await context.engine.predict(found.name, inference.texts, inference.options)
    body, headers = render(inference, result)
    body, encoding = compress(body, request.headers.get("accept-encoding", ""))
    headers |= {**encoding, **note(request, inference.texts, result)}
    return Response(body, headers=headers)


async def _infer(
    answer: Answers, request: Request, model: str, json_length: JsonLength = None
) -> Response:
    return await answer(request, model, None, json_length)


async def _infer_with(
    answer: Answers, request: Request, model: str, version: str, json_length: JsonLength = None
) -> Response:
    return await answer(request, model, version, json_length)


def schemas() -> dict[str, Any]:
    """The JSON schemas, by name, of what these routes read and write themselves."""
    _, found = models_json_schema(
        [(InferenceRequest, "validation"), (InferenceResponse, "serialization")],
        ref_template=REFERENCE,
    )
    definitions: dict[str, Any] = found["$defs"]
    return definitions


def _common() -> dict[str, Any]:
    """What the routes have in common, mostly documentation."""
    return {
        "methods": ["POST"],
        "responses": {
            200: {**DOCUMENTED[200], "content": _content("InferenceResponse")},
            **documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503),
        },
        "openapi_extra": {
            "requestBody": {"required": True, "content": _content("InferenceRequest")}
        },
    }


def _content(schema: str) -> dict[str, Any]:
    return {
        JSON: {"schema": {"$ref": REFERENCE.format(model=schema)}},
        BINARY: {"schema": {"type": "string", "format": "binary"}},
    }
