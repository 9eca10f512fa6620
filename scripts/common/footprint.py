"""Estimates of what models take, before they are exported or deployed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from function.core.manifest import Manifest

if TYPE_CHECKING:  # who asks about manifests needs no torch
    from transformers import PreTrainedModel

FLOAT = 4  # bytes
PROCESS = 84_000_000  # bytes of the function's process without a model
ACTIVATIONS = 20_000_000  # of a window of 512 tokens, by `estimate`, 768 wide with 12 heads
LOADED = ("weights", "graph", "first_stage")


@dataclass(frozen=True)
class Footprint:
    """Bytes of a model's weights in the image, and of a function's memory with it."""

    weights: int
    memory: int

    def __str__(self) -> str:
        return (
            f"about {self.weights / 1e6:,.0f} MB of weights in the image, "
            f"{self.memory / 1e6:,.0f} MB of memory"
        )


def memory_of(manifests: Iterable[Manifest]) -> int:
    """Estimate the bytes of a function's memory with these models, one of which answers."""
    files = [entry for manifest in manifests for entry in manifest.files.values()]
    return PROCESS + ACTIVATIONS + 2 * sum(e.bytes for e in files if e.role in LOADED)


def estimate(model: "PreTrainedModel", max_tokens: int, precision: str) -> Footprint:
    """Estimate the footprint of one model that answers one window at a time.

    Matrices take a byte for each number in int8, all else four. In memory the weights are twice,
    since ONNX Runtime keeps a copy in the order in which it multiplies; activations are the largest
    of a layer: its widest product and the attention's scores.
    """
    rounded = 1 if precision == "int8" else FLOAT
    weights = sum(p.numel() * (rounded if p.ndim == 2 else FLOAT) for p in model.parameters())
    widest = max(getattr(m, "out_features", 0) for m in model.modules())
    heads = int(getattr(model.config, "num_attention_heads", 1))
    activations = FLOAT * max_tokens * (widest + heads * max_tokens)
    return Footprint(weights, PROCESS + 2 * weights + activations)
