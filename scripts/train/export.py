"""Export of a trained torch model to the files that are served, compared with the model."""

import json
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from onnx import numpy_helper
from onnxscript.optimizer import optimize
from safetensors.numpy import save_file
from torch import nn
from transformers import PreTrainedModel

from scripts.common.errors import ExportError
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.classifiers import logits_of
from scripts.train.external_weights import (
    Array,
    externalize,
    name_recurrent_weights,
    name_weights,
)
from scripts.train.quantization import Rounding, quantize

OPSET = 20
DECODER = "decoder.safetensors"
SIZE_LIMIT = 1 << 30  # of tensors that are computed once: an LSTM's weights, put in ONNX's order
LARGE = 256  # numbers, from which on a tensor lies in the weights' file
# Loggers that warn of each operation of torchvision, which is not installed, and of each that is
# not computed beforehand.
CHATTY = (
    "torch.onnx._internal.exporter._registration",
    "onnxscript.optimizer._constant_folding",
)
PREFIX = "model."  # what the wrapper below puts before each parameter's name


def export(trained: TrainedModel, folder: Path, rounding: Rounding | None = None) -> None:
    """Write the files of an artifact into a folder. Raises ExportError.

    They are `model.onnx` (the graph), `model.safetensors` (its weights), `tokenizer.json`,
    `config.json` and the tensors of a decoder that has some.
    """
    with TemporaryDirectory() as scratch:
        TracedModel(trained, Path(scratch)).write(folder, rounding or Rounding())


class TracedModel:
    """The graph of a trained model in full precision, kept in a scratch folder.

    Attributes:
        matrices: Parameters that products read, by name, which a rounding may name.
    """

    def __init__(self, trained: TrainedModel, scratch: Path) -> None:
        """Trace the model. Raises ExportError."""
        self._trained, self._full, self._rounded = (
            trained,
            scratch / "full.onnx",
            scratch / "rounded.onnx",
        )
        graph = _to_onnx(trained.model, segments=trained.tokenizer.segments)
        parameters = {name: t.numpy() for name, t in trained.model.state_dict().items()}
        name_weights(graph, parameters, PREFIX)
        if not isinstance(trained.model, PreTrainedModel):
            graph = optimize(graph, input_size_limit=SIZE_LIMIT, output_size_limit=SIZE_LIMIT)
            name_recurrent_weights(graph)
            parameters = _large(graph)
        self._parameters = parameters
        read = (node.input[1] for node in graph.graph.node if node.op_type == "MatMul")
        names = {name.removeprefix(PREFIX) for name in read}
        self.matrices = {name: parameters[name] for name in parameters if name in names}
        onnx.save(graph, self._full)

    def write(self, folder: Path, rounding: Rounding) -> None:
        """Write what `export` does, in place of an earlier rounding."""
        quantize(self._full, self._rounded, rounding)
        model = onnx.load(self._rounded)
        _strip_traces(model)
        weights, trained = folder / "model.safetensors", self._trained
        externalize(model, weights, self._parameters, PREFIX)
        onnx.save(model, folder / "model.onnx")
        (folder / "tokenizer.json").write_bytes(trained.tokenizer_file.read_bytes())
        config = json.dumps(trained.config, indent=2, sort_keys=True) + "\n"
        (folder / "config.json").write_text(config, encoding="utf-8")
        if trained.decoder:
            save_file(dict(trained.decoder), folder / DECODER)
            (folder / DECODER).chmod(0o644)
        weights.chmod(0o644)  # safetensors writes files that only their owner may read


class _Logits(nn.Module):
    """The model as a function of tensors alone, as a graph is one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        return logits_of(self.model, input_ids, attention_mask, token_type_ids)


def _large(graph: onnx.ModelProto) -> dict[str, Array]:
    """Return the graph's tensors by name, without small ones.

    They are all that is kept of a model that torch will not be built from again.
    """
    arrays = {
        t.name.removeprefix(PREFIX): numpy_helper.to_array(t) for t in graph.graph.initializer
    }
    return {name: array for name, array in arrays.items() if array.size >= LARGE}


def _to_onnx(model: nn.Module, *, segments: bool) -> onnx.ModelProto:
    inputs = ["input_ids", "attention_mask", "token_type_ids"][: 2 + segments]
    # Each its own tensor: the exporter would take one object given twice for one input.
    example = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in inputs)
    axes = {0: torch.export.Dim("windows", min=1), 1: torch.export.Dim("tokens", min=2)}
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")  # the plain graph is the one that quantises
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.ERROR)
    torch.compiler.reset()  # what another model left would fix the lengths that may vary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Logits(model).eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=inputs,
            output_names=["logits"],
            dynamic_shapes=dict.fromkeys(inputs, axes),
            verbose=False,
        )
    if program is None:
        raise ExportError("torch.onnx gave no graph")
    graph = program.model_proto
    for given in graph.graph.input:
        if any(not dim.dim_param for dim in given.type.tensor_type.shape.dim):
            raise ExportError(f"torch.onnx fixed the size of {given.name}, which has to vary")
    return graph


def _strip_traces(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes about itself: source lines and paths of this machine."""
    model.doc_string = ""
    del model.metadata_props[:], model.graph.value_info[:], model.graph.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
