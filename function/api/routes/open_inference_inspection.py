"""Triton's extensions of the Open Inference Protocol that its tools ask before they start.

Statistics are those of this process: on Lambda, of one of many. They count answers, in
nanoseconds; requests that failed are in the log and the metrics alone. An execution is a request.
"""

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
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


class TensorConfiguration(BaseModel):
    """Name, type and shape of a tensor; -1 in the shape is any length."""

    name: str
    data_type: str
    dims: list[int] = [-1]


class ModelConfiguration(BaseModel):
    """A model's tensors. A batch of 0: the shapes have the texts of a request in them."""

    name: str
    platform: str = PLATFORM
    backend: str = "onnxruntime"
    max_batch_size: int = 0
    input: list[TensorConfiguration]
    output: list[TensorConfiguration]

    @classmethod
    def from_model(cls, model: ModelInfo) -> "ModelConfiguration":
        return cls(
            name=model.name,
            input=[TensorConfiguration(name=TEXT, data_type=TYPES["BYTES"])],
            output=[
                TensorConfiguration(name=output.name, data_type=TYPES[output.datatype])
                for output in OUTPUTS[model.answer_key]
            ],
        )


class Duration(BaseModel):
    """Number of answers, and the time that all of them took."""

    count: int = 0
    ns: int = 0


class InferenceStatistics(BaseModel):
    """Time of each stage. There is no cache of answers."""

    success: Duration
    queue: Duration
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration
    cache_hit: Duration = Duration()
    cache_miss: Duration = Duration()


class ModelStatistics(BaseModel):
    """Answers of a model since the process began; the last one in milliseconds since 1970."""

    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    inference_stats: InferenceStatistics
    batch_stats: list[None] = []

    @classmethod
    def from_totals(cls, model: ModelInfo, totals: Counter[str]) -> "ModelStatistics":
        def spent(stage: str) -> Duration:
            return Duration(count=totals["requests"], ns=totals[stage])

        return cls(
            name=model.name,
            version=model.version,
            last_inference=totals["last"] // 1_000_000,
            inference_count=totals["texts"],
            execution_count=totals["requests"],
            inference_stats=InferenceStatistics(
                success=spent("total"),
                queue=spent("queue"),
                compute_input=spent("tokenization"),
                compute_infer=spent("inference"),
                compute_output=spent("decoding"),
            ),
        )


class StatisticsResponse(BaseModel):
    """Statistics of one model, or of all."""

    model_stats: list[ModelStatistics]


class IndexRequest(BaseModel):
    """`ready` asks for models alone that answer. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True}]})

    ready: bool = False


class IndexEntry(BaseModel):
    """A served model, and whether it answers."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of configuration, statistics and the repository's index."""
    engine = context.engine
    router = APIRouter(
        prefix="/v2", tags=[TAG], dependencies=context.guards, strict_content_type=False
    )

    def statistics(request: Request, *models: ModelInfo) -> StatisticsResponse:
        totals = request.app.state.totals
        return StatisticsResponse(
            model_stats=[
                ModelStatistics.from_totals(model, totals.get(model.name, Counter()))
                for model in models
            ]
        )

    @router.get("/models/stats", responses=documented(401, 403))
    async def all_statistics(request: Request) -> StatisticsResponse:
        """Count the answers of every model."""
        return statistics(request, *engine.models())

    @router.get("/models/{model}/stats", responses=NAMED)
    async def model_statistics(request: Request, model: str) -> StatisticsResponse:
        """Count the answers of a model."""
        return statistics(request, require_model(engine, model))

    @router.get("/models/{model}/versions/{version}/stats", responses=NAMED)
    async def version_statistics(request: Request, model: str, version: str) -> StatisticsResponse:
        """Count the answers of a model, if this version is served."""
        return statistics(request, require_model(engine, model, version))

    @router.get("/models/{model}/config", responses=NAMED)
    async def model_configuration(model: str) -> ModelConfiguration:
        """Describe a model's tensors as its configuration."""
        return ModelConfiguration.from_model(require_model(engine, model))

    @router.get("/models/{model}/versions/{version}/config", responses=NAMED)
    async def version_configuration(model: str, version: str) -> ModelConfiguration:
        """Describe a model's tensors as its configuration, if this version is served."""
        return ModelConfiguration.from_model(require_model(engine, model, version))

    @router.post("/repository/index", responses=documented(400, 401, 403, 413, 415, 422))
    async def repository_index(
        body: Annotated[IndexRequest, Body(default_factory=IndexRequest)],
    ) -> list[IndexEntry]:
        """List the served models."""
        ready = engine.ready()
        if body.ready and not ready:
            return []
        return [
            IndexEntry(
                name=model.name,
                version=model.version,
                state="READY" if ready else "UNAVAILABLE",
                reason="" if ready else "loading",
            )
            for model in engine.models()
        ]

    return router.routes
