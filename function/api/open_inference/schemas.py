"""Requests and answers as JSON. Members and parameters that it leaves to servers are ignored here.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Datatype = Literal["BYTES", "FP32"]
Item = TypeVar("Item")
# One fault is enough: a body may hold a million, and each that is told takes microseconds.
CheckedList = Annotated[list[Item], Field(fail_fast=True)]
Dimension = Annotated[int, Field(ge=0, le=2**63 - 1)]
OneString = Annotated[list[str], Field(min_length=1, max_length=1)]

EXAMPLE: JsonDict = {
    "name": "text",
    "shape": [1],
    "datatype": "BYTES",
    "data": ["A warm, funny film that never talks down to its audience."],
}


class _Part(BaseModel):
    # Built where it is used: most of these are parts of others, which build them again.
    model_config = ConfigDict(strict=True, defer_build=True)


class InputParameters(_Part):
    """binary_data_size: bytes of the tensor behind the JSON, where its data is not in it."""

    binary_data_size: Annotated[int | None, Field(ge=0)] = None


class InputTensor(_Part):
    """Texts, one an element: `data` in row-major order, or in binary behind the JSON."""

    # As documented; what else is sent is refused in plainer words than pydantic's.
    name: Annotated[str, Field(json_schema_extra={"const": "text"})]
    shape: CheckedList[Dimension]
    datatype: Annotated[str, Field(json_schema_extra={"const": "BYTES"})]
    parameters: InputParameters | None = None
    data: CheckedList[str] | CheckedList[OneString] | None = None


class OutputParameters(_Part):
    """binary_data: send this output behind the JSON, not in it."""

    model_config = ConfigDict(extra="allow")

    binary_data: bool | None = None


class RequestedOutput(_Part):
    """An output to answer with."""

    name: str
    parameters: OutputParameters | None = None


class RequestParameters(_Part):
    """binary_data_output: send the outputs behind the JSON that do not say otherwise. long_text:
    read a long text in windows, or its start alone; the model's by default."""

    binary_data_output: bool | None = None
    long_text: Literal["window", "truncate"] | None = None


class InferenceRequest(_Part):
    """The one input, and which outputs to answer with; all where none is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE]}]})

    id: str | None = None
    parameters: RequestParameters | None = None
    inputs: CheckedList[InputTensor]
    outputs: CheckedList[RequestedOutput] | None = None


class BinaryParameters(_Part):
    """binary_data_size: bytes of the tensor behind the JSON."""

    binary_data_size: int


class OutputTensor(_Part):
    """An output; `data` is in it, or behind the JSON."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: BinaryParameters | None = None
    data: list[str] | list[float] | None = None


class InferenceResponse(_Part):
    """The outputs in the order in which they were asked for. id: the request's."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]
