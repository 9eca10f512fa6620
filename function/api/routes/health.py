"""Probes. `live`: the process answers. `ready`: a model is loaded."""

from fastapi import APIRouter
from starlette.routing import BaseRoute

from function.api.late_routes import LateRoutes
from function.api.limits import require_ready
from function.api.problems import documented
from function.api.routes import RouteContext
from function.api.schemas import HealthResponse
from function.core.types import Engine


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the probes, which are built on their first request: Lambda sends none."""
    return [LateRoutes(["/health/live", "/health/ready"], lambda: _routes(context.engine))]


def _routes(engine: Engine) -> list[BaseRoute]:
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def health_live() -> HealthResponse:
        """Report that the process answers."""
        return HealthResponse(status="live")

    @router.get("/ready", responses=documented(503))
    async def health_ready() -> HealthResponse:
        """Report that the default model is loaded."""
        require_ready(engine)
        return HealthResponse(status="ready")

    for path, answer in (("/live", health_live), ("/ready", health_ready)):
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return router.routes
