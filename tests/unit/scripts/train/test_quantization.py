"""Full precision to int8: what each way of rounding costs."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from scripts.common.errors import ExportError
from scripts.train.quantization import Rounding, quantize

WIDTH, WIDE = 32, 48
MATRICES = {"up.weight": (WIDTH, WIDE), "gate.weight": (WIDTH, WIDE), "down.weight": (WIDE, WIDTH)}
INPUTS = {"up": "x", "gate": "x", "down": "up"}
OUTLIER = 400.0  # times a usual token's numbers, as one token of an encoder may have


@pytest.fixture
def source(tmp_path):
    """x -> (x @ up, x @ gate, x @ up @ down), in full precision."""
    generator = np.random.default_rng(5)
    matrices = [
        numpy_helper.from_array(generator.normal(size=shape).astype(np.float32), name)
        for name, shape in MATRICES.items()
    ]
    outputs = [name.removesuffix(".weight") for name in MATRICES]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [INPUTS[output], name], [output], name=f"multiply_{output}")
            for name, output in zip(MATRICES, outputs, strict=True)
        ],
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["windows", "tokens", WIDTH])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        matrices,
    )
    opset = [helper.make_opsetid("", 20)]
    path = tmp_path / "full.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


@pytest.fixture
def tokens():
    """Two windows; the first token of each is an outlier."""
    values = np.random.default_rng(6).normal(size=(2, 9, WIDTH)).astype(np.float32)
    values[:, 0] *= OUTLIER
    return values


@pytest.fixture
def outputs(source, tokens, tmp_path):
    """(up, gate, down) of the twin that a rounding makes; None is the graph in full precision."""

    def run(rounding, values=tokens):
        path = source
        if rounding is not None:
            path = tmp_path / "rounded.onnx"
            quantize(source, path, rounding)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(list(INPUTS), {"x": values})

    return run


def relative_error(found, exact):
    """Of the usual tokens, in the mean."""
    return float(np.abs(found - exact)[:, 1:].mean() / np.abs(exact)[:, 1:].mean())


def test_one_tokens_outliers_cost_the_others_their_digits(outputs) -> None:
    (rounded, *_), (exact, *_) = outputs(Rounding()), outputs(None)
    assert relative_error(rounded, exact) > 0.5


def test_a_scale_for_each_token_gives_them_back(outputs) -> None:
    (rounded, *_), (exact, *_) = outputs(Rounding(by_token=("up",))), outputs(None)
    assert relative_error(rounded, exact) < 0.02


def test_only_the_named_matrices_have_one(outputs) -> None:
    rounded, exact = outputs(Rounding(by_token=("up",))), outputs(None)
    assert relative_error(rounded[1], exact[1]) > 0.5


def test_matrices_may_share_an_input_or_follow_each_other(outputs) -> None:
    rounded, exact = outputs(Rounding(by_token=(".weight",))), outputs(None)
    assert all(relative_error(*pair) < 0.02 for pair in zip(rounded, exact, strict=True))


def test_a_token_of_zeros_stays_one(outputs, tokens) -> None:
    tokens[:, 3] = 0
    up, *_ = outputs(Rounding(by_token=("up",)), tokens)
    assert np.isfinite(up).all()
    assert np.abs(up[:, 3]).max() == 0


def test_an_exact_matrix_stays_in_fp32(outputs) -> None:
    rounded, exact = outputs(Rounding(exact=("gate",))), outputs(None)
    np.testing.assert_allclose(rounded[1], exact[1], rtol=1e-5)
    assert relative_error(rounded[0], exact[0]) > 0.5


@pytest.mark.parametrize("rounding", [Rounding(by_token=("dwon",)), Rounding(exact=("dwon",))])
def test_a_matrix_that_is_not_there_is_told(outputs, rounding) -> None:
    with pytest.raises(ExportError, match="no matrix of the model has 'dwon' in its name"):
        outputs(rounding)
