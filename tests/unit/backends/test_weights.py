import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from function.backends.weights import dequantise, read_parameters
from function.core.errors import ArtifactError
from tests.unit.backends.conftest import opened, rewritten

NAME = "bert.pooler.dense.weight"


def int8(*rows):
    return np.array(rows, dtype=np.int8)


def float32(*values):
    return np.array(values, dtype=np.float32)


def test_a_matrix_is_scaled_by_column_and_transposed():
    stored = {
        "a.weight": int8([1, 2, 3], [4, 5, 6]),
        "a.weight_scale": float32(0.5, 1, 2),
        "a.weight_zero_point": int8(0, 1, 0),
    }
    parameters = dequantise(stored, ["a.weight"])
    assert parameters.keys() == {"a.weight"}
    assert parameters["a.weight"].dtype == np.float32
    assert parameters["a.weight"].tolist() == [[0.5, 2], [1, 4], [6, 12]]


def test_a_table_is_scaled_by_row_and_not_transposed():
    stored = {"e": int8([127, -127], [10, 0]), "e_scale": float32([0.5], [2])}
    assert dequantise(stored, [])["e"].tolist() == [[63.5, -63.5], [20, 0]]


def test_no_difference_overflows_eight_bits():
    stored = {"w": int8([-128]), "w_scale": float32(1), "w_zero_point": int8(127)}
    assert dequantise(stored, [])["w"].tolist() == [[-255]]


def test_a_floating_parameter_may_be_called_a_scale():
    stored = {"logit": float32(1), "logit_scale": float32(2)}
    assert dequantise(stored, []).keys() == {"logit", "logit_scale"}


def test_floating_parameters_are_transposed_if_stored_so():
    assert dequantise({"w": float32([1, 2])}, ["w"])["w"].tolist() == [[1], [2]]


def test_integers_without_a_scale_are_named():
    with pytest.raises(ValueError, match="w is I8 and has no w_scale"):
        dequantise({"w": int8([1])}, [])


@pytest.mark.parametrize("suffix", ["_scale", "_zero_point"])
def test_a_companion_of_another_shape_is_named(suffix):
    stored = {"w": int8([1, 2]), "w_scale": float32(1, 1), "w_zero_point": int8(0, 0)}
    stored[f"w{suffix}"] = stored[f"w{suffix}"][[0, 1, 1]]
    with pytest.raises(ValueError, match=f"w{suffix}"):
        dequantise(stored, [])


def test_parameters_are_the_checkpoints_to_half_a_step(bert):
    """Seven bits for matrices, by column, eight for the table; the rest as it was."""
    _, parameters = read_parameters(bert.artifact)
    assert parameters.keys() == bert.parameters.keys()
    for name, exact in bert.parameters.items():
        off = np.abs(parameters[name] - exact).max()
        assert off <= (np.abs(exact).max() / 126 if exact.ndim == 2 else 0), name
    assert np.abs(parameters[NAME] - bert.parameters[NAME]).max() > 0


def test_full_precision_weights_are_preferred_where_an_artifact_has_them(bert, copy):
    save_file(bert.parameters, copy / "full.safetensors")
    entry = {"sha256": "0" * 64, "bytes": 0, "role": "weights"}
    rewritten_size = (copy / "full.safetensors").stat().st_size
    entry["bytes"] = rewritten_size
    artifact = rewritten(copy, lambda m: m["files"].update({"full.safetensors": entry}))
    path, parameters = read_parameters(artifact)
    assert path.name == "full.safetensors"
    for name, exact in bert.parameters.items():
        np.testing.assert_array_equal(parameters[name], exact)


def test_another_type_of_number_is_named(copy):
    save_torch({"a": torch.ones(1, dtype=torch.bfloat16)}, copy / "model.safetensors")
    with pytest.raises(ArtifactError, match=r"tiny/model\.safetensors: a is BF16"):
        read_parameters(opened(copy))


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":'])
def test_a_file_that_is_no_safetensors_file_is_named(copy, content):
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"tiny/model\.safetensors: not a safetensors file"):
        read_parameters(opened(copy))


def test_metadata_that_is_not_json_is_reported(copy):
    save_file({"a": float32(1)}, copy / "model.safetensors", {"transposed": "["})
    with pytest.raises(ArtifactError, match=r"tiny/model\.safetensors: "):
        read_parameters(opened(copy))
