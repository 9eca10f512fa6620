"""PyTorch: a transformers model on a GPU or a CPU, in whatever precision suits it.

The graph rounds activations to eight bits, this does not: the weights are the same integers, the
answers are those of exact arithmetic on them. This and `torch_model`, which it loads, alone import
torch in `function/`.
"""

import copy
import logging
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from function.backends.torch_model import load_model
from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.errors import ConfigurationError, PredictionError
from function.core.tokenization import TokenIds

LOG = logging.getLogger("evergreen")

Precision = Literal["auto", "float32", "float16", "bfloat16"]


class TorchBackend:
    """A transformers model on a GPU or, in float32, on the CPU.

    device: where it runs, as torch names it. precision: the type that it computes in.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        device: str | None = None,
        precision: Precision = "auto",
        threads: int = 0,
    ) -> None:
        """device: `cpu`, `cuda`, `cuda:1`; None takes a GPU where there is one.

        precision: `auto` is float32 on a CPU and float16 on a GPU. Both halves are as fast there,
        but float16 keeps ten bits of a number and bfloat16 seven: its answers are eight times
        nearer to float32's. Range, of which bfloat16 has more, is no matter: see `run`.

        threads: cores that one call may use on a CPU, all calls of the process together; 0 leaves
        it to torch.

        Raises ConfigurationError where the device is not there, and what `load_model` does.
        """
        target = _device(device)
        if threads:
            torch.set_num_threads(threads)
        # float32 is for who wants it exact; the halves, which are fast, add up in float32.
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
        self._lock = Lock()

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`. One forward pass; one more, in float32, for windows whose
        numbers grow beyond the range of half precision.

        Raises MemoryError where the device has no room for so many tokens: what the call had
        taken is free again, and fewer may fit. Raises PredictionError where an id is none of the
        vocabulary, which a GPU would not survive.
        """
        if input_ids.min() < 0 or input_ids.max() >= self._vocabulary:
            raise PredictionError(f"a token is outside the vocabulary of {self._vocabulary}")
        logits = self._forward(self._model, input_ids, attention_mask)
        overflowed = ~np.isfinite(logits).all(axis=1)
        if overflowed.any() and self.precision != "float32":
            longest = int(attention_mask[overflowed].sum(axis=1).max())
            logits[overflowed] = self._forward(
                self._in_float32(),
                input_ids[overflowed, :longest],
                attention_mask[overflowed, :longest],
            )
        return logits

    def _forward(self, model: Any, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        try:
            return self._logits(model, input_ids, attention_mask)
        except torch.OutOfMemoryError as error:
            reason = str(error)
        # Only out here has the failed call let go of its tensors.
        torch.cuda.empty_cache()
        windows, tokens = input_ids.shape
        raise MemoryError(f"no room for {windows} windows of {tokens} tokens: {reason}")

    @torch.inference_mode()
    def _logits(self, model: Any, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        host = torch.from_numpy(np.stack((input_ids, attention_mask)))
        if self.device != "cpu":
            host = host.pin_memory()
        ids, mask = host.to(self.device, non_blocking=True)
        # Where nothing is padded, attention without a mask has the fastest kernels.
        output = model(input_ids=ids, attention_mask=None if attention_mask.all() else mask)
        logits: Logits = output.logits.float().cpu().numpy()
        return logits

    def _in_float32(self) -> Any:
        """The model with room for larger numbers, made when the first is met."""
        with self._lock:
            if self._exact is None:
                LOG.warning(
                    "a text overflowed %s and was read again in float32, as all like it will be",
                    self.precision,
                )
                self._exact = copy.deepcopy(self._model).float()
        return self._exact


def _device(name: str | None) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    try:
        device = torch.device(name or ("cuda" if count else "cpu"))
    except RuntimeError as error:
        raise ConfigurationError(f"device: {name!r} is neither cpu nor cuda") from error
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigurationError(f"device: no {name!r} here: torch sees {count} GPUs")
    if device.type not in ("cpu", "cuda"):
        raise ConfigurationError(f"device: {name!r} is neither cpu nor cuda")
    return device


def _precision(wanted: Precision, device: torch.device, model: nn.Module) -> str:
    if wanted != "auto":
        return wanted
    if device.type == "cpu":
        return "float32"
    largest = max(float(parameter.abs().max()) for parameter in model.parameters())
    return "float16" if largest < torch.finfo(torch.float16).max else "bfloat16"
