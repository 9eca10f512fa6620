"""Schemas of the protocol's metadata and probes."""

from pydantic import BaseModel

from function.api.open_inference.schemas import Datatype
from function.api.open_inference.tensors import OUTPUTS, TEXT
from function.core.types import ModelInfo

EXTENSIONS = ["binary_tensor_data"]
# The protocol's name for the format of every artifact's graph, whatever the backend.
PLATFORM = "onnx_onnxv1"


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
        outputs = OUTPUTS[model.task]
        return cls(
            name=model.name,
            versions=[model.version],
            platform=PLATFORM,
            inputs=[TensorMetadata(name=TEXT, datatype="BYTES", shape=[-1])],
            outputs=[
                TensorMetadata(name=output.name, datatype=output.datatype, shape=[-1])
                for output in outputs
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
