"""The one thing that the graph does and torch does not: activations rounded to eight bits.

ONNX's DynamicQuantizeLinear before each product with an int8 matrix: asymmetric, by the smallest
and the largest number of the tensor, whose tokens may have been divided by the largest of each.
Here of each window by itself, which is what the graph does where it reads one window at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from safetensors import safe_open
from torch import Tensor, nn

from function.backends.torch_backend import TorchBackend
from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.tokenization import TokenIds

LEVELS = 255


class RoundedBackend:
    """A float32 torch backend with the graph's rounding."""

    def __init__(self, artifact: Artifact) -> None:
        self._backend = TorchBackend(artifact, device="cpu")
        with safe_open(artifact.file("weights"), "numpy") as file:
            named = {name for name in file.keys() if f"{name}_zero_point" in file.keys()}  # noqa: SIM118
        by_token = _by_token(onnx.load(artifact.file("graph"), load_external_data=False).graph)
        self._layers = [
            (layer, rounded_by_token if f"{name}.weight" in by_token else rounded)
            for name, layer in self._backend._model.named_modules()
            if isinstance(layer, nn.Linear) and f"{name}.weight" in named
        ]

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        with self._rounding(torch.from_numpy(attention_mask.astype(bool))):
            return self._backend.run(input_ids, attention_mask)

    @contextmanager
    def _rounding(self, mask: Tensor) -> Iterator[None]:
        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs, how=how: how(inputs[0], mask))
            for layer, how in self._layers
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _by_token(graph: onnx.GraphProto) -> set[str]:
    """Matrices whose inputs are divided token by token."""
    made_by = {output: node for node in graph.node for output in node.output}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    return {
        node.input[1]
        for node in products
        if made_by[made_by[node.input[0]].input[0]].op_type == "Div"
    }


def rounded_by_token(values: Tensor, mask: Tensor) -> Tensor:
    """(windows, tokens, width)."""
    largest = values.abs().amax(-1, keepdim=True).clamp(min=float(np.finfo(np.float32).tiny))
    return rounded(values / largest, mask) * largest


def rounded(values: Tensor, mask: Tensor) -> Tensor:
    """(windows, tokens, width), or (windows, width) of what is classified."""
    read = values.masked_fill(~mask[..., None], 0) if values.ndim == 3 else values
    axes = tuple(range(1, values.ndim))
    lowest = read.amin(axes, keepdim=True).clamp(max=0)
    step = (read.amax(axes, keepdim=True).clamp(min=0) - lowest) / LEVELS
    step = step.clamp(min=float(np.finfo(np.float32).tiny))
    zero = torch.round(-lowest / step)
    return (torch.clamp(torch.round(values / step) + zero, 0, LEVELS) - zero) * step
