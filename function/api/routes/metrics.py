"""Prometheus's metrics, on the server only."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.routing import BaseRoute

from function.api.problems import documented
from function.api.routes import RouteContext

OPEN_METRICS = {
    "description": "Every metric of this process.",
    "content": {"application/openmetrics-text": {"schema": {"type": "string"}}},
}


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of Prometheus's metrics, or none without an exposition."""
    exposition = context.exposition
    if exposition is None:
        return []
    router = APIRouter(tags=["health"], dependencies=context.guards)

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses={200: OPEN_METRICS, **documented(401, 403)},
    )
    async def metrics(request: Request) -> Response:
        """Return this process's metrics in Prometheus's text format or in OpenMetrics."""
        content, media_type = exposition(request.headers.get("accept", ""))
        return Response(content, media_type=media_type)

    return router.routes
