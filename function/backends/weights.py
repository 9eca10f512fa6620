"""The weight file that both backends share, as float32 parameters of the checkpoint.

A safetensors file under the checkpoint's parameter names. A tensor is either floating, and then it
is the parameter, or int8 with its scale beside it:

    NAME               int8
    NAME_scale         float32: one a column of a matrix (out,), one a row of a table (rows, 1)
    NAME_zero_point    int8, perhaps: one a column; zeros where rounding is symmetric

    parameter = (NAME - NAME_zero_point) * NAME_scale

Matrices that the graph multiplies stand as (in, out), torch keeps them as (out, in): the file's
metadata lists them under `transposed`, a JSON array of names.

An artifact may carry a second file of role `weights`, without a single int8 tensor: those are the
full-precision weights, which no graph points into and which are preferred here.
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
Parameters = dict[str, npt.NDArray[np.float32]]

FLOATING = ("F64", "F32", "F16")
ROUNDED = "I8"
SCALE, ZERO_POINT = "_scale", "_zero_point"
NAMED = 3  # tensors that an error names before it counts the rest


def read_parameters(artifact: Artifact) -> tuple[Path, Parameters]:
    """Every parameter in float32, and the file that they are from.

    Raises ArtifactError, naming the file and the tensor, where one cannot be read.
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
    except ValueError as error:
        raise ArtifactError(f"{path.parent.name}/{path.name}: {error}") from error


def dequantise(stored: Mapping[str, Array], transposed: Collection[str]) -> Parameters:
    """Parameters as torch keeps them. Raises ValueError, naming the tensor, where one lacks its
    scale or has one of another shape."""
    companions = {
        name + suffix
        for name, values in stored.items()
        if values.dtype == np.int8
        for suffix in (SCALE, ZERO_POINT)
    }
    parameters = {}
    for name in stored.keys() - companions:
        values = _exact(name, stored) if stored[name].dtype == np.int8 else stored[name]
        parameters[name] = np.ascontiguousarray(
            values.T if name in transposed else values, dtype=np.float32
        )
    return parameters


def check_shapes(file: Path, parameters: Parameters, needed: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ArtifactError, naming what is wrong, unless a file has just what a model needs."""
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
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            raise ArtifactError(
                f"{file.parent.name}/{file.name}: {what} {', '.join(names[:NAMED])}{more}"
            )


def _exact(name: str, stored: Mapping[str, Array]) -> Array:
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
    """Tensor to its type in the file's header."""
    try:
        with safe_open(path, "numpy") as file:
            return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{path.parent.name}/{path.name}: not a safetensors file that can be read: {error}"
        ) from error
