"""An answer as the body of a response: JSON, and behind it what was asked for in binary."""

from collections.abc import Sequence

from function.api.body import JSON_LENGTH
from function.api.open_inference.request import Choice, Inference
from function.api.open_inference.schemas import (
    BinaryParameters,
    InferenceResponse,
    OutputTensor,
)
from function.core.types import Answer, AnyPrediction

JSON = "application/json"
BINARY = "application/octet-stream"


def render(inference: Inference, answer: Answer) -> tuple[bytes, dict[str, str]]:
    """The body, and the headers that tell its type and where its JSON ends."""
    tensors, data = [], bytearray()
    for choice in inference.choices:
        tensor, encoded = _tensor(choice, answer.predictions)
        tensors.append(tensor)
        data += encoded
    document = InferenceResponse(
        model_name=answer.model.name,
        model_version=answer.model.version,
        id=inference.id,
        outputs=tensors,
    )
    content = document.model_dump_json(exclude_none=True).encode()
    if not any(choice.binary for choice in inference.choices):
        return content, {"content-type": JSON}
    return content + data, {"content-type": BINARY, JSON_LENGTH: str(len(content))}


def _tensor(choice: Choice, predictions: Sequence[AnyPrediction]) -> tuple[OutputTensor, bytes]:
    output = choice.output
    tensor = OutputTensor(name=output.name, datatype=output.datatype, shape=[len(predictions)])
    if not choice.binary:
        return tensor.model_copy(update={"data": output.listed(predictions)}), b""
    encoded = output.encoded(predictions)
    size = BinaryParameters(binary_data_size=len(encoded))
    return tensor.model_copy(update={"parameters": size}), encoded
