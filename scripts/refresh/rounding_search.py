"""Search for the matrices of a checkpoint that eight bits cost too much precision.

The error of each matrix is measured where it arises: in its product, when its inputs and weights
are rounded as the graph rounds them, relative to the exact product, token by token, so that a few
tokens with large numbers do not hide the others. Where a scale for each token halves that error the
matrix gets one. Then the matrices with the largest remaining errors stay exact: 1, 2, 4, ... until
the export agrees with the checkpoint, and by bisection no more of them than that takes.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from function.core.tokenization import TokenIds
from scripts.common.progress import log
from scripts.train.parity import ExportParity, run_torch
from scripts.train.quantization import Rounding

SECONDS = 900.0  # after which no other rounding is tried
SAMPLE = 32  # texts that errors are measured on
GAIN = 0.5  # of a matrix's error, that a scale for each token must leave at most
TINY = float(np.finfo(np.float32).tiny)

Attempt = Callable[[Rounding], ExportParity]
Errors = dict[str, tuple[float, float]]


def search_rounding(
    attempt: Attempt, errors: Errors, first: ExportParity, seconds: float = SECONDS
) -> tuple[Rounding, ExportParity]:
    """Return a rounding whose export, written last, agrees with the checkpoint.

    `first` is the parity without one. Where none agrees in time, the last and its parity.
    """
    deadline = time.monotonic() + seconds
    by_token = tuple(name for name, (plain, token) in errors.items() if token <= GAIN * plain)
    left = {name: min(each) if name in by_token else each[0] for name, each in errors.items()}
    order = sorted(left, key=lambda name: -left[name])

    def rounding(count: int) -> Rounding:
        exact = tuple(order[:count])
        return Rounding(tuple(name for name in by_token if name not in exact), exact)

    def tried(count: int) -> ExportParity:
        log(f"int8 {parity.problem}: {len(by_token)} matrices by token, {count} exact")
        return attempt(rounding(count))

    count, failed, parity = 0, -1, first
    if by_token:
        parity = tried(0)
    while parity.problem and count < len(order) and time.monotonic() < deadline:
        failed, count = count, min(2 * count or 1, len(order))
        parity = tried(count)
    written = count
    while not parity.problem and count - failed > 1 and time.monotonic() < deadline:
        written = (failed + count) // 2
        found = attempt(rounding(written))
        if found.problem:
            failed = written
        else:
            count, parity = written, found
    return rounding(count), parity if written == count else attempt(rounding(count))


@torch.inference_mode()
def measure_errors(
    model: nn.Module,
    windows: Sequence[TokenIds],
    matrices: Collection[str],
    *,
    segments: bool = False,
) -> Errors:
    """Return the mean relative error of each matrix's products: rounded plainly, and by token."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def watch(name: str, layer: nn.Linear) -> Callable[..., None]:
        scale = layer.weight.abs().amax(1, keepdim=True).clamp(min=TINY) / 64
        weights = (layer.weight / scale).round() * scale

        def record(_: nn.Module, inputs: tuple[Tensor, ...], __: Any) -> None:
            values = inputs[0].flatten(0, -2)
            largest = values.abs().amax(-1, keepdim=True).clamp(min=TINY)
            exact = values @ layer.weight.T
            size = exact.norm(dim=-1).clamp(min=TINY)
            plain, token = (
                float(((each @ weights.T - exact).norm(dim=-1) / size).mean())
                for each in (_rounded(values), _rounded(values / largest) * largest)
            )
            found[name].append((plain, token))

        return record

    hooks = [
        layer.register_forward_hook(watch(f"{name}.weight", layer))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and f"{name}.weight" in matrices
    ]
    try:
        for window in windows[:: max(1, len(windows) // SAMPLE)]:
            run_torch(model, window[None], np.ones_like(window[None]), segments=segments)
    finally:
        for hook in hooks:
            hook.remove()
    means = {name: np.mean(each, axis=0) for name, each in found.items()}
    return {name: (float(plain), float(token)) for name, (plain, token) in means.items()}


def _rounded(values: Tensor) -> Tensor:
    """Round as ONNX's DynamicQuantizeLinear: to 255 steps from the smallest to the largest."""
    lowest = values.min().clamp(max=0)
    step = ((values.max().clamp(min=0) - lowest) / 255).clamp(min=TINY)
    zero = torch.round(-lowest / step)
    return (torch.clamp(torch.round(values / step) + zero, 0, 255) - zero) * step
