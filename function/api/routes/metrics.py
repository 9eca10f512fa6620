"""Prometheus's metrics, on servers."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request, Response, params
from fastapi.responses import PlainTextResponse

from function.api.problems import documented

# From an Accept header to the metrics and their media type.
Exposition = Callable[[str], tuple[bytes, str]]
OPEN_METRICS = {
    "description": "Every metric of this process.",
    "content": {"application/openmetrics-text": {"schema": {"type": "string"}}},
}


def router(exposition: Exposition, guards: Sequence[params.Depends]) -> APIRouter:
    """The route over an exposition. guards: what lets a request through to it."""
    routes = APIRouter(tags=["health"], dependencies=guards)

    @routes.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses={200: OPEN_METRICS, **documented(401, 403)},
    )
    async def metrics(request: Request) -> Response:
        """Prometheus's metrics of this process, in its text format or in OpenMetrics."""
        content, media_type = exposition(request.headers.get("accept", ""))
        return Response(content, media_type=media_type)

    return routes
