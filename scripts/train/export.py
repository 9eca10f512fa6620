"""Export of a trained torch model to the files that are served, compared with the model."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxscript.optimizer import optimize
from safetensors.numpy import save_file
from torch import nn
from transformers import PreTrainedModel

from function.core.backend import Backend, Logits, pad
from function.core.tokenization import TextTokenizer, TokenIds
from scripts.common.errors import ExportError
from scripts.common.progress import Progress
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
PREFIX = "model."  # what the wrapper below puts before each parameter's name
LEAST_AGREEMENT = 0.99
MOST_MEAN_DIFFERENCE = 0.02


@dataclass(frozen=True)
class ExportParity:
    """Distance of an exported classifier from the trained one."""

    texts: int
    agreement: float  # share of texts with the same best label
    mean_difference: float  # of the probabilities, over texts and labels
    max_difference: float  # of the probabilities, over texts and labels


@dataclass(frozen=True)
class EntityParity:
    """Share of the entities that the trained model and its export both find in these texts."""

    texts: int
    same: float


def export(trained: TrainedModel, folder: Path, rounding: Rounding | None = None) -> None:
    """Write the files of an artifact into a folder. Raises ExportError.

    They are `model.onnx` (the graph), `model.safetensors` (int8 weights), `tokenizer.json`,
    `config.json` and the tensors of a decoder that has some.
    """
    with TemporaryDirectory() as scratch:
        full, rounded = Path(scratch) / "full.onnx", Path(scratch) / "rounded.onnx"
        graph = _to_onnx(trained.model)
        parameters = {name: t.numpy() for name, t in trained.model.state_dict().items()}
        name_weights(graph, parameters, PREFIX)
        if not isinstance(trained.model, PreTrainedModel):
            graph = optimize(graph, input_size_limit=SIZE_LIMIT, output_size_limit=SIZE_LIMIT)
            name_recurrent_weights(graph)
            parameters = _large(graph)
        onnx.save(graph, full)
        quantize(full, rounded, rounding or Rounding())
        model = onnx.load(rounded)
    _strip_traces(model)
    weights = folder / "model.safetensors"
    externalize(model, weights, parameters, PREFIX)
    onnx.save(model, folder / "model.onnx")
    (folder / "tokenizer.json").write_bytes(trained.tokenizer_file.read_bytes())
    config = json.dumps(trained.config, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(config, encoding="utf-8")
    if trained.decoder:
        save_file(dict(trained.decoder), folder / DECODER)
        (folder / DECODER).chmod(0o644)
    weights.chmod(0o644)  # safetensors writes files that only their owner may read


def check_parity(
    trained: TrainedModel, backend: Backend, texts: Sequence[str], max_tokens: int
) -> ExportParity:
    """Compare both on real texts, cut to one window. Raises ExportError where they disagree."""
    windows = _windows(trained.tokenizer, texts, max_tokens)
    differences, agreed = [], 0
    with Progress("comparing the export", len(windows)) as progress:
        for start in range(0, len(windows), 16):
            batch = pad(windows[start : start + 16], trained.tokenizer.pad_id)
            exact = _softmax(run_torch(trained.model, *batch))
            served = _softmax(backend.run(*batch))
            agreed += int((exact.argmax(1) == served.argmax(1)).sum())
            differences.append(np.abs(exact - served))
            progress.advance(len(exact))
    difference = np.concatenate(differences)
    parity = ExportParity(
        len(windows), agreed / len(windows), float(difference.mean()), float(difference.max())
    )
    if parity.agreement < LEAST_AGREEMENT or parity.mean_difference > MOST_MEAN_DIFFERENCE:
        raise ExportError(
            f"the int8 export agrees with the trained model on {parity.agreement:.2%} of "
            f"{parity.texts} texts (at least {LEAST_AGREEMENT:.0%} wanted) and differs by "
            f"{parity.mean_difference:.4f} in probability (at most {MOST_MEAN_DIFFERENCE})"
        )
    return parity


class _Logits(nn.Module):
    """The model as a function of tensors alone, as a graph is one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return logits_of(self.model, input_ids, attention_mask)


def _large(graph: onnx.ModelProto) -> dict[str, Array]:
    """Return the graph's tensors by name, without small ones.

    They are all that is kept of a model that torch will not be built from again.
    """
    arrays = {
        t.name.removeprefix(PREFIX): numpy_helper.to_array(t) for t in graph.graph.initializer
    }
    return {name: array for name, array in arrays.items() if array.size >= LARGE}


def _to_onnx(model: nn.Module) -> onnx.ModelProto:
    # Two tensors: the exporter would take one object given twice for one input.
    example = torch.ones((2, 16), dtype=torch.int64), torch.ones((2, 16), dtype=torch.int64)
    axes = {0: torch.export.Dim("windows", min=1), 1: torch.export.Dim("tokens", min=2)}
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")  # the plain graph is the one that quantises
    torch.compiler.reset()  # what another model left would fix the lengths that may vary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Logits(model).eval(),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": axes, "attention_mask": axes},
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


def _windows(tokenizer: TextTokenizer, texts: Sequence[str], max_tokens: int) -> list[TokenIds]:
    capacity = max_tokens - tokenizer.special_tokens
    windows = [
        tokenizer.with_special_tokens(text.ids[:capacity])
        for text in tokenizer.encode(texts)
        if len(text.ids)
    ]
    return sorted(windows, key=len)


@torch.inference_mode()
def run_torch(model: nn.Module, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
    """Return a model's logits outside any graph, (texts, labels) or (texts, tokens, tags)."""
    ids, mask = torch.from_numpy(input_ids), torch.from_numpy(attention_mask)
    logits: Logits = logits_of(model, ids, mask).float().numpy()
    return logits


def _softmax(logits: Logits) -> Logits:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))
