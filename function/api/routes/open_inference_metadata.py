"""Metadata and probes of the Open Inference Protocol, and what Triton's tools ask for."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.routing import BaseRoute

from function.api.limits import require_model, require_ready
from function.api.open_inference.schemas import Datatype
from function.api.open_inference.tensors import OUTPUTS, TEXT, TEXT_PAIR
from function.api.problems import documented
from function.api.routes import RouteContext
from function.core.types import Engine, ModelInfo

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
EXTENSIONS = ["binary_tensor_data", "model_configuration", "statistics"]


class TensorMetadata(BaseModel):
    """Name, type and shape of a tensor; -1 in the shape is any length."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model and its tensors."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]

    @classmethod
    def from_model(cls, model: ModelInfo) -> "ModelMetadata":
        outputs = OUTPUTS[model.answer_key]
        return cls(
            name=model.name,
            versions=[model.version],
            platform=PLATFORM,
            inputs=[
                TensorMetadata(name=name, datatype="BYTES", shape=[-1])
                for name in (TEXT, TEXT_PAIR)[: 1 + model.pairs]
            ],
            outputs=[
                TensorMetadata(name=each.name, datatype=each.datatype, shape=[-1] * each.rank)
                for each in outputs
            ],
        )


class ServerMetadata(BaseModel):
    """The server and its extensions of the protocol."""

    name: str
    version: str
    extensions: list[str] = EXTENSIONS


class ServerLive(BaseModel):
    """Answer to a probe."""

    live: bool


class ServerReady(BaseModel):
    """Answer to a probe."""

    ready: bool


class ModelReady(BaseModel):
    """Answer to a probe."""

    name: str
    ready: bool


class IndexRequest(BaseModel):
    """`ready` asks for models alone that answer. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True}]})

    ready: bool = False


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the protocol's probes, which need no key, its metadata, and what tools ask for."""
    return [
        *_probes(context.engine).routes,
        *_inspection(context).routes,  # has a path that is no model's name
        *_metadata(context.engine, context.guards).routes,
    ]


def _probes(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v2/health", tags=[TAG])

    @routes.get("/live")
    async def server_live() -> ServerLive:
        """Report that the process answers."""
        return ServerLive(live=True)

    @routes.get("/ready", responses=documented(503))
    async def server_ready() -> ServerReady:
        """Report that the default model is loaded."""
        require_ready(engine)
        return ServerReady(ready=True)

    return routes


def _metadata(engine: Engine, guards: Sequence[params.Depends]) -> APIRouter:
    routes = APIRouter(prefix="/v2", tags=[TAG], dependencies=guards)

    @routes.get("", responses=documented(401, 403))
    async def server_metadata(request: Request) -> ServerMetadata:
        """Describe this server and its extensions of the protocol."""
        return ServerMetadata(name=request.app.title, version=request.app.version)

    @routes.get("/models/{model}", responses=NAMED)
    async def model_metadata(model: str) -> ModelMetadata:
        """Describe a model and its tensors."""
        return ModelMetadata.from_model(require_model(engine, model))

    @routes.get("/models/{model}/versions/{version}", responses=NAMED)
    async def version_metadata(model: str, version: str) -> ModelMetadata:
        """Describe a model and its tensors, if this version is served."""
        return ModelMetadata.from_model(require_model(engine, model, version))

    @routes.get("/models/{model}/ready", responses=NAMED | documented(503))
    async def model_ready(model: str) -> ModelReady:
        """Report that the model answers."""
        return _ready(engine, require_model(engine, model))

    @routes.get("/models/{model}/versions/{version}/ready", responses=NAMED | documented(503))
    async def version_ready(model: str, version: str) -> ModelReady:
        """Report that the model answers, if this version is served."""
        return _ready(engine, require_model(engine, model, version))

    return routes


def _ready(engine: Engine, model: ModelInfo) -> ModelReady:
    require_ready(engine)
    return ModelReady(name=model.name, ready=True)


def _configured(tensor: TensorMetadata) -> dict[str, Any]:
    return {"name": tensor.name, "data_type": TYPES[tensor.datatype], "dims": tensor.shape}


def _inspection(context: RouteContext) -> APIRouter:
    """Return the routes of Triton's extensions that its tools ask before they start.

    Statistics are those of this process: on Lambda, of one of many. They count answers, in
    nanoseconds; requests that failed are in the log and the metrics alone. An execution is a
    request.
    """
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
        tensors = ModelMetadata.from_model(require_model(engine, model, version))
        return {
            "name": model,
            "platform": PLATFORM,
            "backend": "onnxruntime",
            "max_batch_size": 0,
            "input": [_configured(each) for each in tensors.inputs],
            "output": [_configured(each) for each in tensors.outputs],
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

    return router


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
