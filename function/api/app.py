"""HTTP application over an engine, the same on Lambda and on a server."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from function.api import problems
from function.api.auth import RequireKey
from function.api.body import BodyMiddleware
from function.api.late_routes import LateRoutes, build_late_routes
from function.api.observability import ObservabilityMiddleware, Sink
from function.api.problems import Problem
from function.api.routes import Exposition, RouteContext, health, native, page
from function.core.types import Engine
from function.settings import Settings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

TITLE = "Evergreen"
DESCRIPTION = "Text models, served. Errors are RFC 9457 problem details."
# FastAPI would put query strings, which may be texts, into traces of OpenTelemetry.
NO_TELEMETRY: "TelemetryConfig" = {"tracing": False, "metrics": False, "logs": False}
# Headers of responses that pages of other origins may read; the gateway on AWS exposes the same.
EXPOSED_HEADERS = (
    "inference-header-content-length",
    "retry-after",
    "server-timing",
    "x-model-version",
    "x-prediction-id",
    "x-request-id",
)
# Modules of function/api/routes, each with the paths whose first request imports and builds it.
# They come after the page, which has the other methods of "/".
LATE_ROUTES = (
    ("hugging_face", "/", "/models/{model}"),
    ("text_embeddings", "/predict"),
    ("text_embeddings_vectors", "/embed", "/embed_all", "/similarity"),
    ("openai_embeddings", "/v1/embeddings"),
    (
        "text_embeddings_server",
        "/info",
        "/health",
        "/tokenize",
        "/decode",
        "/embed_sparse",
    ),
    ("rerank", "/rerank", "/v1/rerank", "/v2/rerank"),
    ("vllm", "/score", "/v1/score", "/classify"),
    (
        "open_inference",
        "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}/infer",
    ),
    ("open_inference_metadata", "/v2", "/v2/{rest:path}"),
    ("feedback", "/v1/feedback"),
    ("decisions", "/v1/decisions"),
)


def create_app(
    engine: Engine,
    settings: Settings,
    sink: Sink,
    *,
    middleware: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    exposition: Exposition | None = None,
) -> FastAPI:
    """Build the application; `middleware` runs inside the one that reads bodies.

    Without `exposition`, the server's Prometheus metrics, there is no `/metrics`. `sink` is called
    with the log record of each request.
    """
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version="1",
        docs_url=None,
        redoc_url=None,
        responses={},
        telemetry=NO_TELEMETRY,
    )
    app.state.totals = defaultdict(
        Counter
    )  # of each model's answers, which `record_answer` adds to
    guard = RequireKey(settings.api_key_sha256) if settings.auth == "key" else None
    guards = [Depends(guard)] if guard else []

    context = RouteContext(engine, guards, settings, exposition)
    # Not `include_router`, which builds each route a second time.
    for built in (native.routes(context), health.routes(context), page.routes(TITLE)):
        app.router.routes += built
    for module, *paths in LATE_ROUTES:
        app.router.routes.append(LateRoutes(paths, partial(_routes_of, module, context)))
    if exposition:
        app.router.routes += _routes_of("metrics", context)
    _ignore_trailing_slash(app)
    problems.install(app)
    _complete_document(app)
    for wrap in middleware:
        app.add_middleware(wrap)
    app.add_middleware(
        BodyMiddleware,
        limit_bytes=settings.limits.body_bytes,
        total_bytes=settings.limits.in_flight_bytes,
        check_key=guard.check if guard else None,
    )
    if settings.prediction_log:
        from function.api.prediction_log import PredictionLogMiddleware

        key = settings.prediction_log_key.get_secret_value()
        app.add_middleware(PredictionLogMiddleware, key=key)
    app.add_middleware(ObservabilityMiddleware, sink=sink)
    if settings.cors_origins:
        _answer_other_origins(app, settings.cors_origins)
    if settings.base_path:
        app.add_middleware(BasePathMiddleware, path=settings.base_path)
    return app


class BasePathMiddleware:
    """Middleware that says which path may precede those of all routes."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["root_path"] = self._path
        if scope["path"] == self._path and scope.get("method") not in page.READING:
            scope["path"] += "/"  # `_ignore_trailing_slash` redirects the page's readers there
        await self._app(scope, receive, send)


def _answer_other_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call the application and read its errors, even of a crash."""
    from starlette.middleware.cors import CORSMiddleware  # no deployed Lambda needs it

    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],  # generated clients send headers of their own
        expose_headers=EXPOSED_HEADERS,
        max_age=3600,
    )


def _ignore_trailing_slash(app: FastAPI) -> None:
    """Answer a path that ends in a slash as the one without it, and redirect readers of pages.

    Starlette would redirect: to the Host that the caller names, and without a gateway's stage.
    """
    router = app.router
    router.redirect_slashes, not_found = False, router.default

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/")
        location = page.redirect(scope)
        if location:
            await RedirectResponse(location)(scope, receive, send)
        elif path in (scope["path"], ""):
            await not_found(scope, receive, send)
        else:
            scope["path"] = path
            await router(scope, receive, send)

    router.default = answer


def _routes_of(module: str, context: RouteContext) -> Sequence[BaseRoute]:
    routes: Callable[[RouteContext], Sequence[BaseRoute]]
    routes = import_module(f"function.api.routes.{module}").routes
    return routes(context)


def _complete_document(app: FastAPI) -> None:
    """Name the OpenAPI document's operations after their functions, and add further schemas.

    Those, which FastAPI does not see, are problems, and requests and responses with tensors.
    """
    generate = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            from function.api.routes.open_inference import schemas

            build_late_routes(app.router.routes)
            for route in app.routes:
                if isinstance(route, APIRoute):
                    route.operation_id = route.name
            schema = generate()
            problem = {"Problem": Problem.model_json_schema()}
            schema["components"]["schemas"] |= {**problem, **schemas()}
            app.openapi_schema = schema
        return app.openapi_schema

    setattr(app, "openapi", openapi)  # noqa: B010
