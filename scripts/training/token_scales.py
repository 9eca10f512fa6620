"""Products in which each token has a scale of its own, whatever the rounding around them does.

    x @ W = s * ((x / s) @ W),  s = max |x| of each row

Dynamic int8 takes one scale for a whole tensor. A few tokens of an encoder ([CLS], often) have
numbers many times those of the rest, and would leave the rest few of the 255 levels; divided by its
own largest number first, every token has them all (token-wise quantization of activations: Yao et
al. 2022, "ZeroQuant"). In full precision nothing changes.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

WIDTH, LEAST = "token_scale_axis", "token_scale_least"


def scale_by_token(graph: onnx.GraphProto, products: Sequence[onnx.NodeProto]) -> None:
    """Give the inputs of these nodes of the graph, MatMuls, a scale for each token, in place."""
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
