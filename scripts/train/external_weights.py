"""One weight file for both backends: an ONNX graph whose tensors lie in a safetensors file.

A safetensors file is a header and then raw tensors, so ONNX can point into it as external data.
Tensors carry the checkpoint's parameter names, with `_scale` for the scales of quantised ones.
The file's metadata lists under `transposed` the matrices that stand as (in, out), which is how
the graph multiplies, and not as torch keeps them, (out, in).

The file holds all parameters, so that torch can build the model from it, and nothing else. That
includes a parameter that the graph does without, because another has the same values or the
exporter computed with it beforehand. What the exporter computed stays in the graph.
`function/backends/weights.py` reads the file.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper
from safetensors.numpy import save_file

from function.core.file_formats import read_safetensors_header
from scripts.common.errors import ExportError

Array = npt.NDArray[np.generic]
SUFFIXES = ("_scale", "_zero_point")  # of a quantised tensor's companions


def externalize(
    model: onnx.ModelProto, weights: Path, parameters: Mapping[str, Array], prefix: str
) -> None:
    """Move the graph's parameters into `weights` and point the graph there, in place.

    `parameters` are the checkpoint's tensors by name, before which the export put `prefix`.
    """
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    names = {name: name.removeprefix(prefix).removesuffix("_quantized") for name in arrays}
    moved = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if _parameter(names[tensor.name]) in parameters
    }
    names = {name: names[name] for name in moved}
    stored = {names[name]: np.ascontiguousarray(arrays[name]) for name in moved}
    save_file(
        stored | _without_graph(stored, parameters),
        weights,
        metadata={
            "format": "pt",
            "transposed": json.dumps(_transposed(stored, parameters)),
        },
    )
    _sort_metadata(weights)
    ranges = _ranges(weights)
    for name, tensor in moved.items():
        offset, length = ranges[names[name]]
        _point_at(tensor, weights.name, offset, length)
    _rename(model.graph, names)


def name_weights(model: onnx.ModelProto, parameters: Mapping[str, Array], prefix: str) -> None:
    """Give transposed matrices, which the exporter calls `val_60`, their parameter's name."""
    by_content = {
        (array.shape[::-1], array.T.tobytes()): name
        for name, array in parameters.items()
        if array.ndim == 2
    }
    names = {}
    for tensor in model.graph.initializer:
        if not tensor.name.startswith(prefix) and len(tensor.dims) == 2:
            key = (tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
            if key in by_content:
                names[tensor.name] = prefix + by_content[key]
    _rename(model.graph, names)
    del model.graph.value_info[:]  # it knows the old names


def name_recurrent_weights(model: onnx.ModelProto) -> None:
    """Name the weights of LSTMs, which the exporter reorders and calls `val_60`, by their meaning.

    A node's inputs after the bias are lengths and states, which have no weights.
    """
    names = {}
    recurrent = [node for node in model.graph.node if node.op_type == "LSTM"]
    for number, node in enumerate(recurrent):
        for tensor, part in zip(node.input[1:4], ("input", "recurrent", "bias"), strict=True):
            names[tensor] = f"lstm.{number}.{part}"
    _rename(model.graph, names)
    del model.graph.value_info[:]


def _parameter(name: str) -> str:
    """Return the parameter that a graph's tensor holds, or is a companion of."""
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _transposed(stored: Mapping[str, Array], parameters: Mapping[str, Array]) -> list[str]:
    """Return the matrices that are stored the other way than in the checkpoint."""
    return sorted(
        name
        for name in stored.keys() & parameters.keys()
        if stored[name].ndim == 2 and _is_turned(stored[name], parameters[name])
    )


def _is_turned(stored: Array, parameter: Array) -> bool:
    if stored.shape[0] != stored.shape[1]:
        return stored.shape != parameter.shape
    # A square one, perhaps rounded: by the signs, which rounding keeps save for the smallest.
    signs = np.sign(stored)
    return bool((signs * parameter).sum() < (signs.T * parameter).sum())


def _without_graph(
    stored: Mapping[str, Array], parameters: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the parameters that the graph does not hold; of tied ones, one is enough."""
    held = {parameters[name].ctypes.data for name in stored.keys() & parameters.keys()}
    return {
        name: array
        for name, array in parameters.items()
        if name not in stored
        and np.issubdtype(array.dtype, np.floating)
        and array.ctypes.data not in held
    }


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)


def _ranges(path: Path) -> dict[str, tuple[int, int]]:
    """Return byte offset and length of each tensor of a safetensors file."""
    with path.open("rb") as file:
        header, base = read_safetensors_header(file, path.stat().st_size)
    ranges = {name: entry["data_offsets"] for name, entry in header.items()}
    return {name: (base + start, stop - start) for name, (start, stop) in ranges.items()}


def _sort_metadata(path: Path) -> None:
    """Sort the metadata, which safetensors writes in any order: same weights, same digest."""
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        content = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(content) > length:
            raise ExportError(f"{path.name}: its header is written in another way than expected")
        file.seek(8)
        file.write(content.ljust(length))


def _point_at(tensor: onnx.TensorProto, location: str, offset: int, length: int) -> None:
    for field in ("raw_data", "float_data", "int32_data"):
        tensor.ClearField(field)
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
