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

ENVIRONMENT = {"MODELS_DIR": "/opt/models", "DEFAULT_MODEL": "sentiment", **os.environ}
DIGEST = hash_ahead(Path(ENVIRONMENT["MODELS_DIR"], ENVIRONMENT["DEFAULT_MODEL"]))
leave_out()

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.types import Options
from function.settings import load_settings

SETTINGS = load_settings(ENVIRONMENT)


def _load_backend(artifact: Artifact) -> Backend:
    from function.backends.onnx_backend import OnnxBackend  # imported in the thread

    return OnnxBackend(artifact, SETTINGS.threads, alone=True)


CATALOG = Catalog(
    SETTINGS.models_dir,
    SETTINGS.default_model,
    _load_backend,
    max_windows=SETTINGS.limits.windows,
    digest=DIGEST,
)
_LOADING = ThreadPoolExecutor(1).submit(CATALOG.load)

with models_built_on_first_use():
    import fastapi  # noqa: F401

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from function.api.app import create_app
from function.api.observability import embed_metrics
from function.api.problems import MEDIA_TYPE as PROBLEM

APP = create_app(DirectEngine(CATALOG), SETTINGS, embed_metrics)
MANGUM = Mangum(APP, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM])
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
    model = CATALOG.info(None)
    age = time.time() - predictor.artifact.manifest.created.timestamp()
    record = {
        "model": model.name,
        "version": model.version,
        "model_age_days": round(age / 86400, 3),
    }
    embed_metrics({"level": "info", "route": "warm-up", **record})
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
