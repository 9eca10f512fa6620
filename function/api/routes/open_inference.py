"""Open Inference Protocol over HTTP, `/v2`, for the clients of Triton and KServe."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from function.api.body import JSON_LENGTH, aside
from function.api.limits import require_model
from function.api.open_inference.request import parse_request
from function.api.open_inference.response import BINARY, JSON, compress, render_response
from function.api.open_inference.schemas import InferenceRequest, InferenceResponse
from function.api.open_inference.tensors import OUTPUTS
from function.api.routes import RESPONSES, RouteContext

REFERENCE = "#/components/schemas/{model}"

InferHandler = Callable[[Request, str, str | None, str | None], Awaitable[Response]]
JsonLength = Annotated[
    str | None,
    Header(alias=JSON_LENGTH, description="Bytes of JSON in the body, if tensors follow it"),
]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes that take tensors."""
    router = APIRouter(prefix="/v2", tags=["open inference"], dependencies=context.guards)
    answer = partial(_answer, context)
    router.add_api_route(
        "/models/{model}/infer",
        # A partial has no source, which FastAPI would read and parse at the first answer.
        partial(_infer, answer),
        name="infer",
        description="Answer texts, with tensors both ways: in JSON, or in binary after it.",
        **_common(),
    )
    router.add_api_route(
        "/models/{model}/versions/{version}/infer",
        partial(_infer_with, answer),
        name="infer_version",
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
    found = require_model(context.engine, model, version)
    content = await request.body()
    parsed = await aside(
        len(content),
        parse_request,
        content,
        json_length,
        OUTPUTS[found.answer_key],
        context.settings.limits,
    )
    context.check(parsed.texts)
    result, recorded = await context.answer(request, found.name, parsed.texts, parsed.options)
    body, headers = render_response(parsed, result)
    body, encoding = compress(body, request.headers.get("accept-encoding", ""))
    return Response(body, headers=headers | encoding | recorded)


async def _infer(
    answer: InferHandler, request: Request, model: str, json_length: JsonLength = None
) -> Response:
    return await answer(request, model, None, json_length)


async def _infer_with(
    answer: InferHandler, request: Request, model: str, version: str, json_length: JsonLength = None
) -> Response:
    return await answer(request, model, version, json_length)


def schemas() -> dict[str, Any]:
    """Return the JSON schemas, by name, of bodies that these routes handle without FastAPI."""
    _, found = models_json_schema(
        [(InferenceRequest, "validation"), (InferenceResponse, "serialization")],
        ref_template=REFERENCE,
    )
    definitions: dict[str, Any] = found["$defs"]
    return definitions


def _common() -> dict[str, Any]:
    """Return the arguments that both routes share, mostly documentation."""
    return {
        "methods": ["POST"],
        "responses": RESPONSES
        | {200: {**RESPONSES[200], "content": _content("InferenceResponse")}},
        "openapi_extra": {
            "requestBody": {"required": True, "content": _content("InferenceRequest")}
        },
    }


def _content(schema: str) -> dict[str, Any]:
    return {
        JSON: {"schema": {"$ref": REFERENCE.format(model=schema)}},
        BINARY: {"schema": {"type": "string", "format": "binary"}},
    }
