"""Errors as RFC 9457 problem details, with the one table that maps exceptions to statuses.

No problem exceeds `MAX_BYTES`: whatever quotes a request is cut, here and where it is quoted.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from function.api.late_routes import find_methods
from function.core.errors import (
    ArtifactError,
    BatchTooLargeError,
    EvergreenError,
    InputError,
    LateError,
    NotReadyError,
    OverloadedError,
    PredictionError,
    UnknownModelError,
    shorten,
)

Entry = TypeVar("Entry")

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[EvergreenError], HTTPStatus] = {
    InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BatchTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownModelError: HTTPStatus.NOT_FOUND,
    OverloadedError: HTTPStatus.TOO_MANY_REQUESTS,
    LateError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
    PredictionError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ArtifactError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
LOADING_SECONDS = 2
MAX_BYTES = 4096
MAX_DETAIL_BYTES = 1800  # in JSON; a problem holds it twice
MAX_ERRORS = 5  # schema errors that one problem reports
# Pydantic's errors for what is no text, no list or empty, one for each type that a member may have.
MISSING_TEXT = ("string_type", "list_type", "string_too_short", "too_short")
TEXTS_WANTED = "send a text or a list of texts, of which none may be empty"
TYPE_NAMES = ("str", "bytes", "int", "float", "bool", "none", "dict")


class Problem(BaseModel):
    """RFC 9457 problem; `error` repeats the detail for Hugging Face's and Triton's clients."""

    type: str
    title: str
    status: int
    detail: str
    error: str


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **members: Any
) -> JSONResponse:
    """Return a problem response; `detail` says what to do, `members` are added to the problem."""
    known, detail = HTTPStatus(status), _cut(detail)
    return JSONResponse(
        {
            "type": "about:blank",
            "title": known.phrase,
            "status": known.value,
            "detail": detail,
            "error": detail,
            **members,
        },
        known.value,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route for these statuses."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: schema},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every exception of routes with a problem."""

    @app.exception_handler(EvergreenError)
    async def _evergreen(request: Request, error: EvergreenError) -> JSONResponse:
        status = closest(STATUS, error)
        detail = str(error) if status < 500 or status == 503 else "the model failed; see the log"
        if status >= 500:
            request.state.log["error"] = f"{type(error).__name__}: {error}"
        return problem(status, detail, _retry_after(error))

    @app.exception_handler(RequestValidationError)
    async def _schema(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        if any(entry["type"] == "json_invalid" for entry in errors):
            return problem(
                400, f"the body is not JSON: {errors[0].get('ctx', {}).get('error', '')}"
            )
        sentences = list(dict.fromkeys(_sentence(entry) for entry in errors))
        if len(sentences) > MAX_ERRORS:
            sentences[MAX_ERRORS:] = [f"and {len(sentences) - MAX_ERRORS} more errors"]
        return problem(422, "; ".join(sentences))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else {}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"allow": ", ".join(sorted(find_methods(request.scope)))}
        return problem(error.status_code, _http_detail(error), headers)


def closest(table: Mapping[Any, Entry], error: Exception) -> Entry:
    """Return a table's entry for the most specific class of an error."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


def _cut(detail: str) -> str:
    """Return a detail of at most `MAX_DETAIL_BYTES` of JSON, cut at its end."""
    detail = detail[:MAX_DETAIL_BYTES].encode(errors="replace").decode()
    if len(json.dumps(detail, ensure_ascii=False).encode()) <= MAX_DETAIL_BYTES:
        return detail
    # JSON takes at most six bytes for a character.
    return f"{detail[: MAX_DETAIL_BYTES // 6 - 1]}…"


def _retry_after(error: EvergreenError) -> dict[str, str]:
    if isinstance(error, OverloadedError):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, NotReadyError):
        return {"retry-after": str(LOADING_SECONDS)}
    return {}


def _sentence(entry: dict[str, Any]) -> str:
    """Describe one schema error without the input, which may be private."""
    source, *path = entry["loc"]
    name = location(path if source in ("body", "query", "path", "header") else entry["loc"])
    if name == "inputs" and entry["type"] in MISSING_TEXT:
        return f"inputs: {TEXTS_WANTED}"
    if name.startswith("inputs.") and entry["type"] == "string_type":
        return f"inputs[{path[-1]}]: send a text"
    if entry["type"] == "extra_forbidden":
        return f"{name}: unknown; leave it out"
    return f"{name}: {entry['msg']}"


def location(path: Sequence[str | int]) -> str:
    """Return a place in a request, `inputs.0.data.1`, without pydantic's names of types.

    It adds those where a member may have one of several types: `inputs.constrained-str`.
    """
    parts = [
        shorten(str(part))
        for part in path
        if isinstance(part, int) or (part.isidentifier() and part not in TYPE_NAMES)
    ]
    return ".".join(parts) or "the body"


def _http_detail(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND and error.detail == HTTPStatus.NOT_FOUND.phrase:
        return "no such route; see /docs"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return "this route does not take that method; see /docs"
    return error.detail
