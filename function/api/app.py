"""The HTTP application over an engine, the same on Lambda and on a server."""

from collections.abc import Callable, Sequence

from fastapi import Depends, FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from function.api import problems
from function.api.auth import require_key
from function.api.body import BodyMiddleware
from function.api.late_routes import LateRoutes, build_all
from function.api.limits import RequestLimits
from function.api.observability import ObservabilityMiddleware, Sink
from function.api.problems import Problem
from function.api.routes import health, native, page
from function.core.types import Engine
from function.settings import Settings

TITLE = "Evergreen"
DESCRIPTION = "Text models, served. Errors are RFC 9457 problem details."


def create_app(
    engine: Engine,
    settings: Settings,
    sink: Sink,
    *,
    middleware: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    exposition: Callable[[str], tuple[bytes, str]] | None = None,
) -> FastAPI:
    """Every route. sink: where the line of each request goes. middleware: what a server wraps
    around the routes, inside of what reads bodies. exposition: what a server has for Prometheus."""
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
    guards = [Depends(require_key(settings.api_key_sha256))] if settings.auth == "key" else []

    def hugging_face_routes() -> Sequence[BaseRoute]:
        from function.api.routes import hugging_face

        return hugging_face.router(engine, limits, guards).routes

    def text_embeddings_routes() -> Sequence[BaseRoute]:
        from function.api.routes import text_embeddings

        return text_embeddings.router(engine, limits, guards).routes

    def open_inference_routes() -> Sequence[BaseRoute]:
        from function.api.routes import open_inference

        return open_inference.router(engine, limits, guards).routes

    def open_inference_metadata_routes() -> Sequence[BaseRoute]:
        from function.api.routes import open_inference_metadata

        return open_inference_metadata.routes(engine, guards)

    def feedback_routes() -> Sequence[BaseRoute]:
        from function.api.routes import feedback

        return feedback.routes(
            engine,
            limits,
            guards,
            logged=settings.prediction_log,
            keeps_text=settings.feedback_text,
            key=settings.prediction_log_key.get_secret_value(),
        )

    # Taken as they are: an included router has each of its routes built a second time.
    app.router.routes += native.routes(engine, limits, guards)
    app.router.routes.append(LateRoutes(["/v1/feedback"], feedback_routes))
    app.router.routes += health.routes(engine)
    app.router.routes += page.routes(TITLE)
    # After the page, which has the other methods of "/".
    app.router.routes.append(LateRoutes(["/", "/models/{model}"], hugging_face_routes))
    app.router.routes.append(LateRoutes(["/predict"], text_embeddings_routes))
    infer = ["/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"]
    app.router.routes.append(LateRoutes(infer, open_inference_routes))
    app.router.routes.append(LateRoutes(["/v2", "/v2/{rest:path}"], open_inference_metadata_routes))
    if exposition:
        from function.api.routes import metrics

        app.router.routes += metrics.router(exposition, guards).routes
    problems.install(app)
    _document_problems(app)
    for wrap in middleware:
        app.add_middleware(wrap)
    app.add_middleware(BodyMiddleware, limit_bytes=settings.limits.body_bytes)
    if settings.prediction_log:
        from function.api.prediction_log import PredictionLogMiddleware

        key = settings.prediction_log_key.get_secret_value()
        app.add_middleware(PredictionLogMiddleware, key=key)
    app.add_middleware(ObservabilityMiddleware, sink=sink)
    return app


def _document_problems(app: FastAPI) -> None:
    """Name what FastAPI does not read or return itself in the OpenAPI document: the problem
    schema, and requests and answers that may hold tensors."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            from function.api.routes.open_inference import schemas

            build_all(app.router.routes)
            schema = generate()
            problem = {"Problem": Problem.model_json_schema()}
            schema["components"]["schemas"] |= {**problem, **schemas()}
            app.openapi_schema = schema
        return app.openapi_schema

    setattr(app, "openapi", openapi)  # noqa: B010
