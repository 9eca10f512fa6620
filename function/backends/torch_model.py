"""Transformers model of an artifact, with the weights that its ONNX graph uses."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from function.backends.weights import ParameterArrays, check_shapes, read_parameters
from function.core.artifact import Artifact
from function.core.errors import ArtifactError, UnsupportedArchitectureError
from function.core.heads import Task

# Precision, kernels, outputs and remote code are for the code that builds the model to decide.
IGNORED = {
    *("architectures", "auto_map", "quantization_config"),
    *("attn_implementation", "dtype", "experts_implementation", "torch_dtype"),
    *("output_attentions", "output_hidden_states", "return_dict", "use_return_dict"),
}
TYPE = "model_type"


def read_config(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the model's type in transformers and settings; raises ArtifactError if invalid."""
    where = f"{file.parent.name}/{file.name}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{where}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get(TYPE), str):
        raise ArtifactError(f"{where}: not a configuration of transformers: no '{TYPE}'")
    settings = {
        name: value
        for name, value in content.items()
        if name not in IGNORED and name != TYPE and not name.startswith("_")
    }
    return content[TYPE], settings


# Transformers' classes for a task, and the configurations that have one.
CLASSES: dict[Task, tuple[Any, Any]] = {
    "text-classification": (
        AutoModelForSequenceClassification,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    ),
    "token-classification": (
        AutoModelForTokenClassification,
        MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    ),
    "feature-extraction": (AutoModel, MODEL_MAPPING),
}


def outputs_of(output: Any) -> torch.Tensor:
    """Return the logits that a model answered with, or, if it has no head, the tokens' vectors."""
    outputs: torch.Tensor = output.logits if "logits" in output else output.last_hidden_state
    return outputs


def load_model(artifact: Artifact) -> Any:
    """Load an artifact's model in float32 on the CPU, and run it on the longest window.

    Raises:
        UnsupportedArchitectureError: Transformers does not have the architecture for the task.
        ArtifactError: A file is damaged.
    """
    roles = {entry.role for entry in artifact.manifest.files.values()}
    for role in ("config", "weights"):
        if role not in roles:
            raise UnsupportedArchitectureError(
                f"{artifact.path.name}: torch needs a file of role '{role}', and it has none"
            )
    model = _build(artifact.file("config"), artifact.manifest.task)
    _fill(model, *read_parameters(artifact))
    model.eval().requires_grad_(requires_grad=False)
    _run_longest(model, artifact)
    return model


def _build(file: Path, task: Task) -> Any:
    """Build the model that a config.json describes, with random parameters."""
    where = f"{file.parent.name}/{file.name}"
    kind, settings = read_config(file)
    if kind not in CONFIG_MAPPING:
        raise UnsupportedArchitectureError(f"{where}: transformers knows no model type '{kind}'")
    auto_class, known = CLASSES[task]
    if CONFIG_MAPPING[kind] not in known:
        raise UnsupportedArchitectureError(f"{where}: transformers has no '{kind}' for {task}")
    try:
        config = AutoConfig.for_model(kind, **settings)
        try:
            return _from_config(auto_class, config, "sdpa")
        except ValueError:  # some architectures have only their own attention
            return _from_config(auto_class, config, "eager")
    except Exception as error:  # each layer of transformers raises errors of its own
        raise ArtifactError(f"{where}: transformers cannot build it: {_one_line(error)}") from error


def _from_config(auto_class: Any, config: Any, attention: str) -> Any:
    return auto_class.from_config(
        config, attn_implementation=attention, dtype=torch.float32, trust_remote_code=False
    )


def _fill(model: nn.Module, file: Path, parameters: ParameterArrays) -> None:
    """Set every parameter; raises ArtifactError unless the file has exactly the model's."""
    own = model.state_dict()
    # Tied parameters are one tensor under two names, stored once. Integer tensors, such as position
    # numbers, follow from the configuration.
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


def _run_longest(model: Any, artifact: Artifact) -> None:
    """Run a window of the manifest's length: on a GPU, one too long would end the process.

    Raises ArtifactError if the model fails on it, or returns another number of outputs.
    """
    manifest = artifact.manifest
    where = f"{artifact.path.name}/{artifact.file('config').name}"
    token = 1 if model.config.pad_token_id == 0 else 0
    ids = torch.full((1, manifest.tokenization.max_tokens), token)
    try:
        with torch.inference_mode():
            outputs = outputs_of(model(input_ids=ids)).shape[-1]
    except Exception as error:  # the model's own code may raise anything
        raise ArtifactError(
            f"{where}: cannot read {ids.shape[1]} tokens, which the manifest says it does: "
            f"{_one_line(error)}"
        ) from error
    if outputs != manifest.outputs:
        raise ArtifactError(f"{where}: {outputs} outputs, the manifest has {manifest.outputs}")


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
