"""Metadata and probes of the Open Inference Protocol."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, params
from pydantic import BaseModel
from starlette.routing import BaseRoute

from function.api.limits import require_model, require_ready
from function.api.open_inference.schemas import Datatype
from function.api.open_inference.tensors import OUTPUTS, TEXT, TEXT_PAIR
from function.api.problems import documented
from function.api.routes import RouteContext, open_inference_inspection
from function.api.routes.open_inference_inspection import NAMED, PLATFORM, TAG
from function.core.types import Engine, ModelInfo

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


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the protocol's probes, which need no key, its metadata, and what tools ask for."""
    return [
        *_probes(context.engine).routes,
        *open_inference_inspection.routes(context),  # has a path that is no model's name
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
