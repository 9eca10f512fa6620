"""Weight file that both backends share, as float32 parameters of the checkpoint.

It is a safetensors file under the checkpoint's parameter names. A floating-point tensor is the
parameter itself. An int8 tensor has a scale:

    NAME               int8
    NAME_scale         float32: one per column of a matrix (out,), one per row of a table (rows, 1)
    NAME_zero_point    int8, optional: one per column; zeros if rounding is symmetric

    parameter = (NAME - NAME_zero_point) * NAME_scale

The graph stores matrices as (in, out), torch stores them as (out, in): the file's metadata lists
them under `transposed`, a JSON array of names.

An artifact may have a second file of role `weights`, without int8 tensors: the full-precision
weights, which no graph uses and which are preferred here.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from function.core.artifact import Artifact
from function.core.errors import ArtifactError

Array = npt.NDArray[Any]
ParameterArrays = dict[str, npt.NDArray[np.float32]]

FLOATING = ("F64", "F32", "F16")
ROUNDED = "I8"
SCALE, ZERO_POINT = "_scale", "_zero_point"
MAX_NAMED = 3  # tensors that an error names before it counts the rest


def read_parameters(artifact: Artifact) -> tuple[Path, ParameterArrays]:
    """Read every parameter in float32; return the file that holds them, too.

    Raises ArtifactError that names the file and a tensor that cannot be read.
    """
    files = {
        artifact.path / name: _types(artifact.path / name)
        for name, entry in artifact.manifest.files.items()
        if entry.role == "weights" and name not in artifact.absent
    }
    if not files:
        raise ArtifactError(f"{artifact.path.name}: no file of role 'weights' is here")
    full = [path for path, types in files.items() if ROUNDED not in types.values()]
    path = (full or list(files))[0]
    for name, kind in files[path].items():
        if kind not in (*FLOATING, ROUNDED):
            raise ArtifactError(
                f"{path.parent.name}/{path.name}: {name} is {kind}; weights are F32, or I8 with "
                f"{name}{SCALE}"
            )
    with safe_open(path, "numpy") as file:
        stored = {name: file.get_tensor(name) for name in files[path]}
        metadata = file.metadata() or {}
    try:
        return path, dequantise(stored, json.loads(metadata.get("transposed", "[]")))
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{path.parent.name}/{path.name}: {error}") from error


def dequantise(stored: Mapping[str, Array], transposed: Collection[str]) -> ParameterArrays:
    """Convert stored tensors to torch's parameters; `transposed` are stored as (in, out).

    Raises ValueError that names a tensor without a scale, or with one of another shape.
    """
    companions = {
        name + suffix
        for name, values in stored.items()
        if values.dtype == np.int8
        for suffix in (SCALE, ZERO_POINT)
    }
    parameters = {}
    for name in stored.keys() - companions:
        values = _scaled(name, stored) if stored[name].dtype == np.int8 else stored[name]
        parameters[name] = np.ascontiguousarray(
            values.T if name in transposed else values, dtype=np.float32
        )
    return parameters


def check_shapes(
    file: Path, parameters: ParameterArrays, needed: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ArtifactError that names parameters which are missing, unknown or of another shape."""
    wrong = {
        "lacks": needed.keys() - parameters.keys(),
        "has, and the model has not:": parameters.keys() - needed.keys(),
        "has in another shape than the model:": {
            name
            for name in needed.keys() & parameters.keys()
            if needed[name] != parameters[name].shape
        },
    }
    for what, found in wrong.items():
        if found:
            names = sorted(found)
            more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
            raise ArtifactError(
                f"{file.parent.name}/{file.name}: {what} {', '.join(names[:MAX_NAMED])}{more}"
            )


def _scaled(name: str, stored: Mapping[str, Array]) -> Array:
    values = stored[name]
    if name + SCALE not in stored:
        raise ValueError(f"{name} is I8 and has no {name}{SCALE}")
    scale, zero_point = stored[name + SCALE], stored.get(name + ZERO_POINT, np.int8(0))
    for part, suffix in ((scale, SCALE), (zero_point, ZERO_POINT)):
        if not _fits(part.shape, values.shape):
            raise ValueError(f"{name}{suffix} has the shape {part.shape}, {name} {values.shape}")
    return np.asarray((values.astype(np.float32) - zero_point) * scale)


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False


def _types(path: Path) -> dict[str, str]:
    """Return the type of each tensor in the file's header."""
    try:
        with safe_open(path, "numpy") as file:
            return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{path.parent.name}/{path.name}: not a safetensors file that can be read: {error}"
        ) from error
