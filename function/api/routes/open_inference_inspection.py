"""Triton's extensions of the Open Inference Protocol that its tools ask before they start.

Statistics are those of this process: on Lambda, of one of many. They count answers, in
nanoseconds; requests that failed are in the log and the metrics alone. An execution is a request.
"""

from collections import Counter
from typing import Annotated, Any

from fastapi import Body, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.routing import BaseRoute

from function.api.limits import require_model
from function.api.open_inference.tensors import OUTPUTS, TEXT
from function.api.problems import documented
from function.api.routes import RouteContext
from function.core.types import ModelInfo

TAG = "open inference"
# The protocol's name for the format of every artifact's graph, whatever the backend.
PLATFORM = "onnx_onnxv1"
TYPES = {"BYTES": "TYPE_STRING", "FP32": "TYPE_FP32"}
NAMED = documented(401, 403, 404, 422)
# Triton's name for each stage of a request, and ours.
STAGES = {
    "success": "total",
    "queue": "queue",
    "compute_input": "tokenization",
    "compute_infer": "inference",
    "compute_output": "decoding",
}


class IndexRequest(BaseModel):
    """`ready` asks for models alone that answer. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True}]})

    ready: bool = False


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of configuration, statistics and the repository's index."""
    engine = context.engine
    router = context.router(TAG, "/v2", APIRoute)

    @router.get("/models/stats", responses=documented(401, 403), name="all_statistics")
    async def all_statistics(request: Request) -> dict[str, Any]:
        """Count the answers of every model since the process began."""
        totals = request.app.state.totals
        return {"model_stats": [_statistics(each, totals) for each in engine.models()]}

    @router.get("/models/{model}/stats", responses=NAMED)
    @router.get(
        "/models/{model}/versions/{version}/stats", responses=NAMED, name="version_statistics"
    )
    async def model_statistics(
        request: Request, model: str, version: str | None = None
    ) -> dict[str, Any]:
        """Count the answers of a model since the process began."""
        found = require_model(engine, model, version)
        return {"model_stats": [_statistics(found, request.app.state.totals)]}

    @router.get("/models/{model}/config", responses=NAMED)
    @router.get(
        "/models/{model}/versions/{version}/config", responses=NAMED, name="version_configuration"
    )
    async def model_configuration(model: str, version: str | None = None) -> dict[str, Any]:
        """Describe a model's tensors; without a batch, their shape has the texts in it."""
        outputs = OUTPUTS[require_model(engine, model, version).answer_key]
        return {
            "name": model,
            "platform": PLATFORM,
            "backend": "onnxruntime",
            "max_batch_size": 0,
            "input": [{"name": TEXT, "data_type": TYPES["BYTES"], "dims": [-1]}],
            "output": [
                {"name": each.name, "data_type": TYPES[each.datatype], "dims": [-1]}
                for each in outputs
            ],
        }

    @router.post("/repository/index", responses=documented(400, 401, 403, 413, 415, 422))
    async def repository_index(
        body: Annotated[IndexRequest, Body(default_factory=IndexRequest)],
    ) -> list[dict[str, str]]:
        """List the served models."""
        ready = engine.ready()
        state = {"state": "READY" if ready else "UNAVAILABLE", "reason": "" if ready else "loading"}
        listed = engine.models() if ready or not body.ready else []
        return [{"name": each.name, "version": each.version, **state} for each in listed]

    return router.routes


def _statistics(model: ModelInfo, totals: dict[str, Counter[str]]) -> dict[str, Any]:
    counted = totals.get(model.name, Counter())
    requests = counted["requests"]
    spent = {name: {"count": requests, "ns": counted[own]} for name, own in STAGES.items()}
    nothing = {"count": 0, "ns": 0}
    return {
        "name": model.name,
        "version": model.version,
        "last_inference": counted["last"] // 1_000_000,
        "inference_count": counted["texts"],
        "execution_count": requests,
        "inference_stats": {**spent, "cache_hit": nothing, "cache_miss": nothing},
        "batch_stats": [],
    }
