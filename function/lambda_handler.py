"""Composition root of the Lambda: builds everything that a first request needs, once.

The order matters. A thread loads the model while this module imports the web stack: the graph is
opened outside Python's lock.
"""

# ruff: noqa: E402 -- each import stands where it overlaps other work
import os

from function.cold_start import end_start, skip_imports

ENVIRONMENT = {
    "MODELS_DIR": "/opt/models",
    "DEFAULT_MODEL": "sentiment",
    "SERVICE": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
    **os.environ,
}
skip_imports()

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import InputError
from function.core.types import Options
from function.settings import FunctionSettings, load_settings

SETTINGS = load_settings(FunctionSettings, ENVIRONMENT)


def _load_backend(artifact: Artifact) -> Backend:
    from function.backends.onnx_backend import OnnxBackend  # imported in the thread

    return OnnxBackend(artifact, SETTINGS.threads, alone=True)


CATALOG = Catalog(
    SETTINGS.models_dir,
    SETTINGS.default_model,
    _load_backend,
    max_windows=SETTINGS.limits.windows,
    max_seconds=SETTINGS.limits.seconds,
    most_loaded=SETTINGS.most_loaded,
    trusted=SETTINGS.trust_image,
)
_LOADING = ThreadPoolExecutor(1).submit(CATALOG.load)

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES
from mangum.handlers import HTTPGateway
from mangum.types import Scope

from function.api.app import create_app
from function.api.embedded_metrics import EmbeddedMetrics, age_record
from function.api.problems import MEDIA_TYPE as PROBLEM
from function.api.problems import problem
from function.events import AnswerLimitMiddleware, read_event


class HttpEvent(HTTPGateway):
    """Event of an HTTP API or a function URL; keeps its scope, which Mangum asks for twice."""

    @cached_property
    def scope(self) -> Scope:
        return super().scope


# A provisioned instance starts before its first request, which therefore meets no cold start.
METRICS = EmbeddedMetrics(
    SETTINGS.service,
    CATALOG.models(),
    cold=ENVIRONMENT.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency",
    version=ENVIRONMENT.get("AWS_LAMBDA_FUNCTION_VERSION", "").removeprefix("$LATEST"),
)
APP = create_app(DirectEngine(CATALOG), SETTINGS, METRICS, middleware=[AnswerLimitMiddleware])
MANGUM = Mangum(
    APP,
    lifespan="off",
    custom_handlers=[HttpEvent],
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM],
)
_LOADING.result()
end_start()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer an event of API Gateway, a function URL, an ALB or the warm-up schedule.

    `{"inputs": ...}` is answered as `POST /v1/predict` is, any other event with 400.
    """
    if isinstance(event, dict) and event.get("source") == "aws.events":
        return _warm_up()
    try:
        return MANGUM(read_event(event), context)
    except Exception as error:  # the event's: the application answers its own
        return _refuse(error)


def _refuse(error: Exception) -> dict[str, Any]:
    """Return, log and count the refusal of an event that is no request."""
    detail = str(error) if isinstance(error, InputError) else "this HTTP request cannot be read"
    refused = problem(400, detail)
    record = {"level": "info", "method": "none", "route": "unmatched", "total_ms": 0.0}
    METRICS({**record, "status": 400, "refusal": f"{type(error).__name__}"})
    return {
        "statusCode": refused.status_code,
        "headers": dict(refused.headers),
        "body": bytes(refused.body).decode(),
        "isBase64Encoded": False,
    }


def _warm_up() -> dict[str, Any]:
    """Run the model once for a scheduled event, and report its age."""
    predictor = CATALOG.load()
    predictor.predict([predictor.trial], Options())
    info = CATALOG.info(None)
    record = age_record(info, predictor.artifact.manifest.created)
    METRICS.record_warm_up({"level": "info", "route": "warm-up", **record})
    return record | ({"pairs": True} if info.pairs else {})  # what a smoke test then sends


def _before_snapshot() -> None:
    """Run the model once before SnapStart takes its snapshot, so that restored memory is warm."""
    predictor = CATALOG.load()
    predictor.predict([predictor.trial], Options())


try:
    from snapshot_restore_py import register_before_snapshot
except ModuleNotFoundError:  # only Lambda's runtime has it
    pass
else:
    register_before_snapshot(_before_snapshot)
