"""Probes. `live`: the process answers. `ready`: a model is loaded."""

from fastapi import APIRouter

from function.api.problems import documented
from function.api.schemas import HealthResponse
from function.core.errors import NotReadyError
from function.core.types import Engine


def router(engine: Engine) -> APIRouter:
    """Routes over an engine."""
    routes = APIRouter(prefix="/health", tags=["health"])

    @routes.get("/live")
    async def live() -> HealthResponse:
        """The process answers."""
        return HealthResponse(status="live")

    @routes.get("/ready", responses=documented(503))
    async def ready() -> HealthResponse:
        """The default model is loaded."""
        if not engine.ready():
            raise NotReadyError("the model is still being loaded; try again in a moment")
        return HealthResponse(status="ready")

    return routes
