"""Composition root of the Lambda: everything that a first request needs is built here, once.

The order is the point. The model's files are hashed from the first line on, and the model loads in
a thread while this module imports the web stack: hashing a file and opening the graph happen
outside Python's lock.
"""

# ruff: noqa: E402 -- imports stand where they run beside something else
import os
from pathlib import Path

from function.cold_start import leave_out, models_built_on_first_use, settle
from function.core.digests import hash_ahead

ENVIRONMENT = {
    "MODELS_DIR": "/opt/models",
    "DEFAULT_MODEL": "sentiment",
    "SERVICE": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
    **os.environ,
}
DIGEST = hash_ahead(Path(ENVIRONMENT["MODELS_DIR"], ENVIRONMENT["DEFAULT_MODEL"]))
leave_out()

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.types import Options
from function.settings import Settings, load_settings

SETTINGS = load_settings(Settings, ENVIRONMENT)


def _load_backend(artifact: Artifact) -> Backend:
    from function.backends.onnx_backend import OnnxBackend  # imported in the thread

    return OnnxBackend(artifact, SETTINGS.threads, alone=True)


CATALOG = Catalog(
    SETTINGS.models_dir,
    SETTINGS.default_model,
    _load_backend,
    max_windows=SETTINGS.limits.windows,
    most_loaded=SETTINGS.most_loaded,
    digest=DIGEST,
)
_LOADING = ThreadPoolExecutor(1).submit(CATALOG.load)

with models_built_on_first_use():
    import fastapi  # noqa: F401

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from mangum.handlers import HTTPGateway
from mangum.types import Scope

from function.api.app import create_app
from function.api.embedded_metrics import EmbeddedMetrics, age_of
from function.api.problems import MEDIA_TYPE as PROBLEM


class HttpEvent(HTTPGateway):
    """An event of an HTTP API or a function URL. Its scope is wanted twice, and Mangum would build
    it twice."""

    @cached_property
    def scope(self) -> Scope:
        return super().scope


# Instances that are provisioned have started before anybody asks.
METRICS = EmbeddedMetrics(
    SETTINGS.service,
    CATALOG.models(),
    cold=ENVIRONMENT.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency",
)
APP = create_app(DirectEngine(CATALOG), SETTINGS, METRICS)
MANGUM = Mangum(
    APP,
    lifespan="off",
    custom_handlers=[HttpEvent],
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM],
)
_LOADING.result()
settle()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an event of API Gateway, a function URL, an ALB, or the clock."""
    if event.get("source") == "aws.events":
        return _warm_up()
    return MANGUM(_without_stage(event), context)


def _warm_up() -> dict[str, Any]:
    """A scheduled event: run the model once, and report how old it is."""
    predictor = CATALOG.load()
    predictor.predict(["warm"], Options())
    record = age_of(CATALOG.info(None), predictor.artifact.manifest.created)
    METRICS.tick({"level": "info", "route": "warm-up", **record})
    return record


def _without_stage(event: dict[str, Any]) -> dict[str, Any]:
    """HTTP API events of a named stage carry it in the path, where routes do not expect it."""
    context = event.get("requestContext", {})
    prefix = f"/{context.get('stage', '$default')}"
    http = context.get("http", {})
    path = http.get("path", "")
    if path != prefix and not path.startswith(f"{prefix}/"):
        return event
    return {
        **event,
        "requestContext": {**context, "http": {**http, "path": path.removeprefix(prefix) or "/"}},
    }


def _before_snapshot() -> None:
    """SnapStart: run the model once, so that restored memory holds it warm."""
    CATALOG.load().predict(["warm"], Options())


try:
    from snapshot_restore_py import register_before_snapshot
except ModuleNotFoundError:  # only Lambda's runtime brings it
    pass
else:
    register_before_snapshot(_before_snapshot)
