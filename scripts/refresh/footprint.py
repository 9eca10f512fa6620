"""Estimates of what an imported model will take, before it is exported."""

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from scripts.train.config import Precision

FLOAT = 4  # bytes
PROCESS = 95_000_000  # bytes of the function's process without a model


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


def estimate(model: PreTrainedModel, max_tokens: int, precision: Precision) -> Footprint:
    """Estimate the footprint of one model that answers one window at a time.

    Matrices take a byte for each number in int8, all else four. In memory the weights are twice,
    since ONNX Runtime keeps a copy in the order in which it multiplies; activations are the largest
    of a layer: its widest product and the attention's scores.
    """
    rounded = 1 if precision == "int8" else FLOAT
    weights = sum(p.numel() * (rounded if p.ndim == 2 else FLOAT) for p in model.parameters())
    widest = max(m.out_features for m in model.modules() if isinstance(m, nn.Linear))
    heads = int(getattr(model.config, "num_attention_heads", 1))
    activations = FLOAT * max_tokens * (widest + heads * max_tokens)
    return Footprint(weights, PROCESS + 2 * weights + activations)
