"""Body of a response: JSON, followed by the outputs requested in binary, compressed on request."""

import zlib
from collections.abc import Sequence

from function.api.body import JSON_LENGTH, WINDOW_BITS
from function.api.open_inference.request import OutputForm, ParsedRequest
from function.api.open_inference.schemas import (
    BinaryParameters,
    InferenceResponse,
    OutputTensor,
)
from function.core.predictions import AnyPrediction
from function.core.types import PredictionResult

JSON = "application/json"
BINARY = "application/octet-stream"
ENCODINGS = ("gzip", "deflate")


def render_response(
    request: ParsedRequest, result: PredictionResult
) -> tuple[bytes, dict[str, str]]:
    """Return the body, and headers with its type and the length of its JSON."""
    tensors, data = [], bytearray()
    for form in request.outputs:
        tensor, encoded = _tensor(form, result.predictions)
        tensors.append(tensor)
        data += encoded
    document = InferenceResponse(
        model_name=result.model.name,
        model_version=result.model.version,
        id=request.id,
        outputs=tensors,
    )
    content = document.model_dump_json(exclude_none=True).encode()
    if not any(form.binary for form in request.outputs):
        return content, {"content-type": JSON}
    return content + data, {"content-type": BINARY, JSON_LENGTH: str(len(content))}


def compress(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Compress a body if `accepted` (Accept-Encoding) allows; return it with headers that say how.

    A body that would not get shorter stays as it is.
    """
    headers = {"vary": "accept-encoding"}
    weights = _weights(accepted)
    encoding = max(ENCODINGS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    if not weights.get(encoding, weights.get("*", 0.0)):
        return body, headers
    compressed = zlib.compress(body, wbits=WINDOW_BITS[encoding])
    if len(compressed) >= len(body):
        return body, headers
    return compressed, {**headers, "content-encoding": encoding}


def _tensor(form: OutputForm, predictions: Sequence[AnyPrediction]) -> tuple[OutputTensor, bytes]:
    output = form.output
    shape = output.shape(predictions)
    tensor = OutputTensor(name=output.name, datatype=output.datatype, shape=shape)
    if not form.binary:
        return tensor.model_copy(update={"data": output.listed(predictions)}), b""
    encoded = output.encoded(predictions)
    size = BinaryParameters(binary_data_size=len(encoded))
    return tensor.model_copy(update={"parameters": size}), encoded


def _weights(accepted: str) -> dict[str, float]:
    """Return the client's preference for each encoding, 0 for none (RFC 9110, 12.5.3)."""
    weights = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        key, _, value = parameter.strip().partition("=")
        try:
            weights[name.strip()] = float(value) if key == "q" else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return weights
