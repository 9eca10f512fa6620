"""Quantization of an ONNX graph to int8: dynamic, per channel, signed weights of seven bits.

Seven bits because x86 without VNNI adds pairs of 8-bit products in 16 bits and saturates, with
no error, when weights use the eighth (`reduce_range` of ONNX Runtime's quantiser).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from scripts.common.errors import ExportError
from scripts.train.config import Precision

LARGEST = 127  # of a signed byte, for embeddings, which are multiplied in fp32
SMALL = 1024  # rows; position and type tables are not worth rounding
WIDTH, LEAST = "token_scale_axis", "token_scale_least"  # names of two constants in the graph


@dataclass(frozen=True)
class Rounding:
    """Precision of an export, and matrices rounded otherwise, by parts of their names."""

    by_token: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()  # they stay in fp32
    precision: Precision = "int8"  # "fp32": nothing is rounded


def quantize(source: Path, target: Path, rounding: Rounding) -> None:
    """Write the version of a graph that is served.

    In int8, ONNX Runtime's quantiser rounds matrix products; embeddings are rounded by row.
    Raises ExportError where the rounding names a matrix that the graph does not have.
    """
    model = onnx.load(source)
    if rounding.precision == "fp32":
        onnx.save(model, target)
        return
    exact = _products(model.graph, rounding.exact)
    scale_by_token(model.graph, _products(model.graph, rounding.by_token))
    add_pre_process_metadata(model)  # or it recommends a script for pictures, each time
    quantize_dynamic(
        model,
        target,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[node.name for node in exact],
        extra_options={"MatMulConstBOnly": True},
    )
    model = onnx.load(target)
    _quantize_embeddings(model.graph)
    onnx.save(model, target)


def _products(graph: onnx.GraphProto, parts: Sequence[str]) -> list[onnx.NodeProto]:
    """Return the products whose matrix has one of these names, or of these parts in its name."""
    products = [node for node in graph.node if node.op_type == "MatMul"]
    names = {node.input[1] for node in products}
    chosen: set[str] = set()
    for part in parts:
        found = {part} & names or {name for name in names if part in name}
        if not found:
            raise ExportError(f"no matrix of the model has '{part}' in its name")
        chosen |= found
    return [node for node in products if node.input[1] in chosen]


def scale_by_token(graph: onnx.GraphProto, products: Sequence[onnx.NodeProto]) -> None:
    """Give each token of the inputs of these MatMuls a scale of its own, in place.

        x @ W = s * ((x / s) @ W),  s = max |x| of each row

    Dynamic int8 takes one scale for a whole tensor. A few tokens of an encoder ([CLS], often) have
    numbers many times those of the rest, and would leave the rest few of the 255 levels; divided by
    its own largest number first, every token has them all (token-wise quantization of activations:
    Yao et al. 2022, "ZeroQuant"). In full precision nothing changes.
    """
    if not products:
        return
    # A token of nothing but zeros is divided by this, and stays zeros.
    least = np.array(np.finfo(np.float32).tiny, np.float32)
    graph.initializer.append(numpy_helper.from_array(np.array([-1]), WIDTH))
    graph.initializer.append(numpy_helper.from_array(least, LEAST))
    chosen, scaled = {node.name for node in products}, set[str]()
    nodes = list[onnx.NodeProto]()
    for node in graph.node:
        if node.op_type == "MatMul" and node.name in chosen:
            values = node.input[0]
            if values not in scaled:
                nodes += _divide(values)
                scaled.add(values)
            nodes += _multiply(node, values)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _divide(values: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Abs", [values], [f"{values}_sizes"]),
        helper.make_node("ReduceMax", [f"{values}_sizes", WIDTH], [f"{values}_largest"]),
        helper.make_node("Max", [f"{values}_largest", LEAST], [f"{values}_by_token"]),
        helper.make_node("Div", [values, f"{values}_by_token"], [f"{values}_scaled"]),
    ]


def _multiply(product: onnx.NodeProto, values: str) -> list[onnx.NodeProto]:
    output = product.output[0]
    before = f"{output}_before_scale"
    node = helper.make_node(
        "MatMul", [f"{values}_scaled", product.input[1]], [before], name=product.name
    )
    return [node, helper.make_node("Mul", [before, f"{values}_by_token"], [output])]


def _quantize_embeddings(graph: onnx.GraphProto) -> None:
    """Round large tables that a Gather reads to int8, with one scale per row.

    Rounding by row keeps rare words as exact as frequent ones; ONNX Runtime's own quantiser
    would share one scale over the vocabulary.
    """
    tables = {
        tensor.name: tensor
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.FLOAT
        and len(tensor.dims) == 2
        and tensor.dims[0] > SMALL
    }
    nodes = []
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in tables:
            table = tables[node.input[0]]
            if any(tensor is table for tensor in graph.initializer):
                _replace_by_rows(graph, table)
            nodes += _gather_rows(node)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _replace_by_rows(graph: onnx.GraphProto, table: onnx.TensorProto) -> None:
    values = numpy_helper.to_array(table)
    scale = np.abs(values).max(axis=1, keepdims=True) / LARGEST
    scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
    rounded = np.round(values / scale).astype(np.int8)
    graph.initializer.remove(table)
    graph.initializer.append(numpy_helper.from_array(rounded, f"{table.name}_quantized"))
    graph.initializer.append(numpy_helper.from_array(scale, f"{table.name}_scale"))


def _gather_rows(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    table, ids, output = node.input[0], node.input[1], node.output[0]
    return [
        helper.make_node("Gather", [f"{table}_quantized", ids], [f"{output}_int8"]),
        helper.make_node("Gather", [f"{table}_scale", ids], [f"{output}_scale"]),
        helper.make_node("Cast", [f"{output}_int8"], [f"{output}_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}_float", f"{output}_scale"], [output]),
    ]
