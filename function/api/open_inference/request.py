"""Parsing of a request's body: texts, options, and the outputs with the form of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from pydantic import ValidationError

from function.api.body import check_structure
from function.api.open_inference.binary import decode_bytes, split
from function.api.open_inference.errors import MalformedRequestError, quoted
from function.api.open_inference.schemas import (
    InferenceRequest,
    InputParameters,
    InputTensor,
    OutputParameters,
    RequestParameters,
)
from function.api.open_inference.tensors import TEXT, TEXT_PAIR, AnyOutput
from function.api.problems import location
from function.core.errors import BatchTooLargeError
from function.core.tokenization import Text, TextPair
from function.core.types import Options
from function.settings import Limits

# Parameters that change the answer: ignoring them would return a wrong one.
NOT_OFFERED = ("classification", "shared_memory_region")


@dataclass(frozen=True)
class OutputForm:
    """Output to answer with; `binary` sends it after the JSON, not in it."""

    output: AnyOutput
    binary: bool


@dataclass(frozen=True)
class ParsedRequest:
    """Content of one request."""

    id: str | None
    texts: list[Text]
    options: Options
    outputs: list[OutputForm]


def parse_request(
    body: bytes, json_length: str | None, outputs: Sequence[AnyOutput], limits: Limits
) -> ParsedRequest:
    """Parse and check a body; `json_length` is that of `binary.split`.

    Raises:
        MalformedRequestError: The body violates the protocol.
        BatchTooLargeError: There are too many texts; raised before they are decoded.
    """
    document, data = split(body, json_length)
    check_structure(document, b"[{")  # numbers are parsed in little time
    try:
        request = InferenceRequest.model_validate_json(document)
    except ValidationError as error:
        raise MalformedRequestError(_sentence(error)) from error
    parameters = request.parameters or RequestParameters()
    return ParsedRequest(
        request.id,
        _texts(request.inputs, data, limits),
        Options(long_text=parameters.long_text, cascade=parameters.cascade),
        _output_forms(request, outputs, bool(parameters.binary_data_output)),
    )


def _sentence(error: ValidationError) -> str:
    """Describe the first error without the input, which may be private."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first['ctx']['error']}"
    return f"{location(first['loc'])}: {first['msg']}"


def _texts(inputs: Sequence[InputTensor], data: bytes, limits: Limits) -> list[Text]:
    names = [tensor.name for tensor in inputs]
    for name in names:
        if name not in (TEXT, TEXT_PAIR):
            raise MalformedRequestError(f"input {quoted(name)}: send one input, '{TEXT}'")
    if names.count(TEXT) != 1 or len(set(names)) < len(names):
        raise MalformedRequestError(
            f"{len(inputs)} inputs: send one, '{TEXT}', with '{TEXT_PAIR}' where the model reads it"
        )
    ends = [0, *accumulate(_binary_size(tensor, limits) for tensor in inputs)]
    if ends[-1] != len(data):
        raise MalformedRequestError(
            f"the inputs have {ends[-1]} bytes of binary data, but {len(data)} follow the JSON"
        )
    columns = {
        tensor.name: _strings(tensor, data[start:end])
        for tensor, (start, end) in zip(inputs, pairwise(ends), strict=True)
    }
    if TEXT_PAIR not in columns:
        return [*columns[TEXT]]
    if len(columns[TEXT]) != len(columns[TEXT_PAIR]):
        raise MalformedRequestError(f"'{TEXT}' and '{TEXT_PAIR}': send as many of both")
    return list(map(TextPair, columns[TEXT], columns[TEXT_PAIR]))


def _binary_size(tensor: InputTensor, limits: Limits) -> int:
    """Check a tensor before it is decoded, and return its bytes after the JSON."""
    if tensor.datatype != "BYTES":
        raise MalformedRequestError(f"'{tensor.name}' is {quoted(tensor.datatype)}: send BYTES")
    count = _element_count(tensor)
    if count > limits.texts:
        raise BatchTooLargeError(
            f"{count} texts in one request: send at most {limits.texts} at a time"
        )
    size = (tensor.parameters or InputParameters()).binary_data_size
    if (size is None) == (tensor.data is None):
        raise MalformedRequestError(
            f"'{tensor.name}': send its elements in 'data' or as binary data"
        )
    return size or 0


def _strings(tensor: InputTensor, data: bytes) -> list[str]:
    count = _element_count(tensor)
    if tensor.data is None:
        return [_decoded(index, text) for index, text in enumerate(decode_bytes(data, count))]
    if len(tensor.data) != count:
        raise MalformedRequestError(
            f"'{tensor.name}' has {len(tensor.data)} elements; its shape says {count}"
        )
    return [row if isinstance(row, str) else row[0] for row in tensor.data]


def _element_count(tensor: InputTensor) -> int:
    shape = tensor.shape
    if len(shape) not in (1, 2) or shape[0] < 1 or shape[1:] not in ([], [1]):
        raise MalformedRequestError(
            f"the shape of '{tensor.name}': send [n] or [n, 1], one element a text"
        )
    return shape[0]


def _decoded(index: int, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequestError(f"text {index} is not UTF-8") from error


def _output_forms(
    request: InferenceRequest, outputs: Sequence[AnyOutput], binary: bool
) -> list[OutputForm]:
    """Return the requested outputs; `binary` is the form of those that do not name theirs."""
    if not request.outputs:
        return [OutputForm(output, binary) for output in outputs]
    known = {output.name: output for output in outputs}
    forms = {}
    for requested in request.outputs:
        if requested.name not in known:
            raise MalformedRequestError(
                f"no output {quoted(requested.name)}; this model has {', '.join(known)}"
            )
        if requested.name in forms:
            raise MalformedRequestError(f"output '{requested.name}' is asked for twice")
        parameters = requested.parameters or OutputParameters()
        for name in NOT_OFFERED:
            if name in (parameters.model_extra or {}):
                raise MalformedRequestError(
                    f"output '{requested.name}': no {name} here; leave it out"
                )
        asked = parameters.binary_data
        forms[requested.name] = OutputForm(
            known[requested.name], binary if asked is None else asked
        )
    return list(forms.values())
