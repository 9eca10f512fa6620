"""What a transformer encoder computes, counted from its shapes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Shape:
    """hidden: width of a token. inner: width of the feed-forward part."""

    layers: int
    hidden: int
    inner: int

    @classmethod
    def read(cls, config: Path) -> Self:
        """From a checkpoint's `config.json`, in BERT's words or DistilBERT's."""
        found = json.loads(config.read_text(encoding="utf-8"))
        names = (
            ("num_hidden_layers", "n_layers"),
            ("hidden_size", "dim"),
            ("intermediate_size", "hidden_dim"),
        )
        return cls(*(int(found.get(first) or found[second]) for first, second in names))


def forward(shape: Shape, tokens: int) -> float:
    """Floating-point operations of one text's forward pass, a multiplication and an addition
    being two.

    Matrix products only, and of real tokens only: for n tokens, width h and inner width f each
    layer takes 8nh² for its four projections, 4n²h for attention and 4nhf for the feed-forward
    part. With f = 4h that is the 24Bsh² + 4Bs²h of Narayanan et al. 2021, "Efficient Large-Scale
    Language Model Training on GPU Clusters Using Megatron-LM", appendix.
    """
    n, h, f = tokens, shape.hidden, shape.inner
    return float(shape.layers * (8 * n * h * h + 4 * n * n * h + 4 * n * h * f))
