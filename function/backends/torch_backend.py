"""PyTorch: a transformers model on a GPU or a CPU, in a choice of precisions.

The ONNX graph rounds activations to eight bits, this backend does not: the weights are the same
integers, and the results are those of exact arithmetic on them. In `function/` only this module and
`torch_model` import torch.
"""

import copy
import logging
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from function.backends.torch_model import load_model, outputs_of
from function.core.artifact import Artifact
from function.core.backend import Logits, split_segments
from function.core.errors import PredictionError, SettingsError
from function.core.tokenization import TokenIds

LOG = logging.getLogger("evergreen")

Precision = Literal["auto", "float32", "float16", "bfloat16"]


class TorchBackend:
    """Transformers model on a GPU or, in float32, on a CPU; `device` is its name in torch."""

    def __init__(
        self,
        artifact: Artifact,
        *,
        device: str | None = None,
        precision: Precision = "auto",
        threads: int = 0,
    ) -> None:
        """Load the model onto a device; raises SettingsError if there is no such device.

        Args:
            artifact: Verified; see `load_model` for its ArtifactErrors.
            device: `cpu`, `cuda` or `cuda:1`; None uses a GPU if there is one.
            precision: `auto` is float32 on a CPU and float16 on a GPU, which is as fast there as
                bfloat16 and eight times nearer to float32, with ten bits of a number instead of
                seven. bfloat16's wider range is not needed: see `run`.
            threads: Cores of all calls together, on a CPU; 0 leaves the choice to torch.
        """
        target = _device(device)
        if threads:
            torch.set_num_threads(threads)
        # float32 is exact, without TensorFloat-32; half precision accumulates in float32.
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        model = load_model(artifact)
        self.device = str(target)
        self.precision = _precision(precision, target, model)
        self._vocabulary = model.get_input_embeddings().num_embeddings
        self._model = model.to(target, getattr(torch, self.precision))
        self._exact: Any = self._model if self.precision == "float32" else None
        self._segments = artifact.manifest.tokenization.segments
        self._lock = Lock()

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """Run one batch, as `core.backend.Backend` does.

        Windows that overflow half precision run a second time, in float32.

        Raises:
            MemoryError: The device has no memory for this many tokens. The call's memory is free
                again, and fewer tokens may fit.
            PredictionError: An id is outside the vocabulary, which would crash a GPU's context.
        """
        tokens = split_segments(input_ids)[0] if self._segments else input_ids
        if tokens.min() < 0 or tokens.max() >= self._vocabulary:
            raise PredictionError(f"a token is outside the vocabulary of {self._vocabulary}")
        logits = self._forward(self._model, input_ids, attention_mask)
        overflowed = ~np.isfinite(logits).all(axis=tuple(range(1, logits.ndim)))
        if overflowed.any() and self.precision != "float32":
            logits[overflowed] = self._forward(
                self._in_float32(), input_ids[overflowed], attention_mask[overflowed]
            )
        return logits

    def _forward(self, model: Any, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        try:
            return self._logits(model, input_ids, attention_mask)
        except torch.OutOfMemoryError as error:
            reason = str(error)
        # Outside the handler the failed call's tensors are released.
        torch.cuda.empty_cache()
        windows, tokens = input_ids.shape
        raise MemoryError(f"no room for {windows} windows of {tokens} tokens: {reason}")

    @torch.inference_mode()
    def _logits(self, model: Any, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        tokens = split_segments(input_ids) if self._segments else (input_ids,)
        host = torch.from_numpy(np.stack((attention_mask, *tokens)))
        if self.device != "cpu":
            host = host.pin_memory()
        mask, ids, *types = host.to(self.device, non_blocking=True)
        segments = {"token_type_ids": types[0]} if types else {}
        # Without padding no mask is needed, and attention without one has the fastest kernels.
        output = model(
            input_ids=ids, attention_mask=None if attention_mask.all() else mask, **segments
        )
        logits: Logits = outputs_of(output).float().cpu().numpy()
        return logits

    def _in_float32(self) -> Any:
        """Return the model in float32, copied on first use."""
        with self._lock:
            if self._exact is None:
                LOG.warning(
                    "a text overflowed %s and ran again in float32, as all such texts will",
                    self.precision,
                )
                self._exact = copy.deepcopy(self._model).float()
        return self._exact


def _device(name: str | None) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    try:
        device = torch.device(name or ("cuda" if count else "cpu"))
    except RuntimeError as error:
        raise SettingsError(f"device: {name!r} is neither cpu nor cuda") from error
    if device.type == "cuda" and (device.index or 0) >= count:
        raise SettingsError(f"device: no {name!r} here: torch sees {count} GPUs")
    if device.type not in ("cpu", "cuda"):
        raise SettingsError(f"device: {name!r} is neither cpu nor cuda")
    return device


def _precision(setting: Precision, device: torch.device, model: nn.Module) -> str:
    if setting != "auto":
        return setting
    if device.type == "cpu":
        return "float32"
    largest = max(float(parameter.abs().max()) for parameter in model.parameters())
    return "float16" if largest < torch.finfo(torch.float16).max else "bfloat16"
