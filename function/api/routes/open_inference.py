"""The Open Inference Protocol over HTTP, `/v2`: what Triton's and KServe's clients speak."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response, params
from pydantic.json_schema import models_json_schema

from function.api.body import JSON_LENGTH
from function.api.limits import RequestLimits
from function.api.observability import note
from function.api.open_inference.compression import compress
from function.api.open_inference.request import read
from function.api.open_inference.response import BINARY, JSON, render
from function.api.open_inference.schemas import InferenceRequest, InferenceResponse
from function.api.open_inference.served import served
from function.api.open_inference.tensors import OUTPUTS
from function.api.problems import documented
from function.core.types import Engine, ModelInfo

REFERENCE = "#/components/schemas/{model}"
JsonLength = Annotated[
    str | None,
    Header(alias=JSON_LENGTH, description="Bytes of JSON in the body, where tensors follow it"),
]


def router(engine: Engine, limits: RequestLimits, guards: Sequence[params.Depends]) -> APIRouter:
    """Routes over an engine. guards: what lets a request through to any of them."""
    routes = APIRouter(prefix="/v2", tags=["open inference"], dependencies=guards)

    async def answer(request: Request, model: ModelInfo, json_length: str | None) -> Response:
        inference = read(await request.body(), json_length, OUTPUTS[model.task], limits)
        limits.check(inference.texts)
        result = await engine.predict(model.name, inference.texts, inference.options)
        body, headers = render(inference, result)
        body, encoding = compress(body, request.headers.get("accept-encoding", ""))
        headers |= {**encoding, **note(request.state.log, result)}
        return Response(body, headers=headers)

    @routes.post("/models/{model}/infer", **_described())
    async def infer(request: Request, model: str, json_length: JsonLength = None) -> Response:
        """Answer texts, given and answered as tensors: in JSON, or in binary behind it."""
        return await answer(request, served(engine, model), json_length)

    @routes.post("/models/{model}/versions/{version}/infer", **_described())
    async def infer_with(
        request: Request, model: str, version: str, json_length: JsonLength = None
    ) -> Response:
        """Answer texts, if this version is served."""
        return await answer(request, served(engine, model, version), json_length)

    return routes


def schemas() -> dict[str, Any]:
    """The JSON schemas, by name, of what these routes read and write themselves."""
    _, found = models_json_schema(
        [(InferenceRequest, "validation"), (InferenceResponse, "serialization")],
        ref_template=REFERENCE,
    )
    definitions: dict[str, Any] = found["$defs"]
    return definitions


def _described() -> dict[str, Any]:
    """How a route of inference is documented."""
    return {
        "responses": {
            200: {"content": _content("InferenceResponse")},
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
