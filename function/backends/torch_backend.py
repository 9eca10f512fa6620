"""PyTorch: the transformers model that the artifact's configuration describes, holding the very
weights that its graph points into.

The graph rounds activations to eight bits, this does not: the weights are the same integers, the
answers are those of exact arithmetic on them. Nothing else in `function/` imports torch.
"""

import copy
import logging
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
)

from function.backends.model_config import read_config
from function.backends.weights import Parameters, check_shapes, read_parameters
from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.errors import (
    ArtifactError,
    ConfigurationError,
    PredictionError,
    UnsupportedArchitectureError,
)
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

        Raises UnsupportedArchitectureError where the artifact is none that transformers knows,
        ArtifactError where a file is damaged, ConfigurationError where the device is not there.
        """
        target = _device(device)
        if threads:
            torch.set_num_threads(threads)
        # float32 is for who wants it exact; the halves, which are fast, add up in float32.
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        model = _load(artifact)
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


def _load(artifact: Artifact) -> Any:
    """The artifact's model in float32 on the CPU, having read a window as long as any."""
    roles = {entry.role for entry in artifact.manifest.files.values()}
    for role in ("config", "weights"):
        if role not in roles:
            raise UnsupportedArchitectureError(
                f"{artifact.path.name}: torch needs a file of role '{role}', and it has none"
            )
    model = _build(artifact.file("config"))
    _fill(model, *read_parameters(artifact))
    model.eval().requires_grad_(requires_grad=False)
    _read_longest(model, artifact)
    return model


def _build(file: Path) -> Any:
    """The model that a config.json describes, its parameters not set yet."""
    where = f"{file.parent.name}/{file.name}"
    kind, settings = read_config(file)
    if kind not in CONFIG_MAPPING:
        raise UnsupportedArchitectureError(f"{where}: transformers knows no model type '{kind}'")
    if CONFIG_MAPPING[kind] not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise UnsupportedArchitectureError(f"{where}: in transformers '{kind}' classifies no texts")
    try:
        config = AutoConfig.for_model(kind, **settings)
        try:
            return _from_config(config, "sdpa")
        except ValueError:  # some families have no other attention than their own
            return _from_config(config, "eager")
    except Exception as error:  # each layer of transformers raises errors of its own
        raise ArtifactError(f"{where}: transformers cannot build it: {_one_line(error)}") from error


def _from_config(config: Any, attention: str) -> Any:
    return AutoModelForSequenceClassification.from_config(
        config, attn_implementation=attention, dtype=torch.float32, trust_remote_code=False
    )


def _fill(model: nn.Module, file: Path, parameters: Parameters) -> None:
    """Set every parameter. Raises ArtifactError where the file has not exactly the model's."""
    own = model.state_dict()
    # Tied parameters are one tensor by two names, and stand once in the file. Integers are numbers
    # of positions and the like, which follow from the configuration.
    given = {own[name].data_ptr() for name in own.keys() & parameters.keys()}
    needed = {
        name: tuple(tensor.shape)
        for name, tensor in own.items()
        if name in parameters or (tensor.is_floating_point() and tensor.data_ptr() not in given)
    }
    check_shapes(file, parameters, needed)
    model.load_state_dict(
        {name: torch.from_numpy(values) for name, values in parameters.items()}, strict=False
    )


def _read_longest(model: Any, artifact: Artifact) -> None:
    """One window as long as the manifest allows: on a GPU too long a one would end the process.

    Raises ArtifactError where the model cannot read it, or answers with other labels.
    """
    manifest = artifact.manifest
    where = f"{artifact.path.name}/{artifact.file('config').name}"
    token = 1 if model.config.pad_token_id == 0 else 0
    ids = torch.full((1, manifest.tokenization.max_tokens), token)
    try:
        with torch.inference_mode():
            labels = model(input_ids=ids).logits.shape[1]
    except Exception as error:  # whatever the model's own code raises
        raise ArtifactError(
            f"{where}: cannot read {ids.shape[1]} tokens, which the manifest says it does: "
            f"{_one_line(error)}"
        ) from error
    if labels != len(manifest.labels):
        raise ArtifactError(f"{where}: {labels} labels, the manifest has {len(manifest.labels)}")


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
