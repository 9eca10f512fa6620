"""Schemas of requests and responses. Optional members and parameters of the protocol are ignored.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Datatype = Literal["BYTES", "FP32"]
Element = TypeVar("Element")
# The first error suffices: a body may hold a million, and each one reported takes microseconds.
CheckedList = Annotated[list[Element], Field(fail_fast=True)]
Dimension = Annotated[int, Field(ge=0, le=2**63 - 1)]
OneString = Annotated[list[str], Field(min_length=1, max_length=1)]

EXAMPLE: JsonDict = {
    "name": "text",
    "shape": [1],
    "datatype": "BYTES",
    "data": ["A warm, funny film that never talks down to its audience."],
}


class _Part(BaseModel):
    # Built on first use: most of these are parts of others, which build them again.
    model_config = ConfigDict(strict=True, defer_build=True)


class InputParameters(_Part):
    """Parameters of an input; `binary_data_size` is the bytes of a tensor after the JSON."""

    binary_data_size: Annotated[int | None, Field(ge=0)] = None


class InputTensor(_Part):
    """Texts, one per element: `data` in row-major order, or binary after the JSON.

    `text_pair` has the second texts of pairs.
    """

    # Documented as constants; other values are refused in plainer words than pydantic's.
    name: Annotated[str, Field(json_schema_extra={"enum": ["text", "text_pair"]})]
    shape: CheckedList[Dimension]
    datatype: Annotated[str, Field(json_schema_extra={"const": "BYTES"})]
    parameters: InputParameters | None = None
    data: CheckedList[str] | CheckedList[OneString] | None = None


class OutputParameters(_Part):
    """Parameters of an output; `binary_data` sends it after the JSON, not in it."""

    model_config = ConfigDict(extra="allow")

    binary_data: bool | None = None


class RequestedOutput(_Part):
    """An output to answer with."""

    name: str
    parameters: OutputParameters | None = None


class RequestParameters(_Part):
    """Parameters of a request.

    `binary_data_output` sends outputs after the JSON unless they say otherwise. `long_text` uses
    all of a long text in windows, or only its start; by default as the model does. `cascade` is
    that of `/v1/predict`.
    """

    binary_data_output: bool | None = None
    long_text: Literal["window", "truncate"] | None = None
    cascade: Literal["auto", "off"] = "auto"


class InferenceRequest(_Part):
    """The input, or the two of pairs, and the outputs to answer with; all if none is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [EXAMPLE]}]})

    id: str | None = None
    parameters: RequestParameters | None = None
    inputs: CheckedList[InputTensor]
    outputs: CheckedList[RequestedOutput] | None = None


class BinaryParameters(_Part):
    """Parameters of a binary output; `binary_data_size` is its bytes after the JSON."""

    binary_data_size: int


class OutputTensor(_Part):
    """An output; its `data` is in it, or follows the JSON."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: BinaryParameters | None = None
    data: list[str] | list[float] | None = None


class InferenceResponse(_Part):
    """The outputs in the order of the request, with the request's `id`."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]
