"""The HTTP application over an engine, the same on Lambda and on a server."""

from fastapi import Depends, FastAPI

from function.api import problems
from function.api.auth import allow_everyone, require_key
from function.api.body import BodyMiddleware
from function.api.limits import RequestLimits
from function.api.observability import ObservabilityMiddleware, Sink
from function.api.problems import Problem
from function.api.routes import health, native, page
from function.core.types import Engine
from function.settings import Settings

TITLE = "Evergreen"
DESCRIPTION = "Text models, served. Errors are RFC 9457 problem details."


def create_app(engine: Engine, settings: Settings, sink: Sink) -> FastAPI:
    """Every route. sink: where the line of each request goes."""
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version="1",
        docs_url=None,
        redoc_url=None,
        responses={},
    )
    limits = RequestLimits(
        settings.limits.body_bytes, settings.limits.texts, settings.limits.characters
    )
    guard = require_key(settings.api_key_sha256) if settings.auth == "key" else allow_everyone
    # Taken as they are: an included router has each of its routes built a second time.
    app.router.routes += native.router(engine, limits, [Depends(guard)]).routes
    app.router.routes += health.router(engine).routes
    app.router.routes += page.routes(TITLE)
    problems.install(app)
    _document_problems(app)
    app.add_middleware(BodyMiddleware, limit_bytes=settings.limits.body_bytes)
    app.add_middleware(ObservabilityMiddleware, sink=sink)
    return app


def _document_problems(app: FastAPI) -> None:
    """Name the problem schema, which no route returns by itself, in the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = generate()
            schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
            app.openapi_schema = schema
        return app.openapi_schema

    setattr(app, "openapi", openapi)  # noqa: B010
