"""A complete artifact in a few kilobytes: a bag of words whose answers can be worked out by hand.

Every word has a value: "good" and "fine" +2, "bad" and "dull" -2, all others 0. The logits are
(-sum, +sum) over the tokens of a window, special tokens counting 0.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from function.core.artifact import (
    MANIFEST,
    Manifest,
    Role,
    SoftmaxDecoding,
    Tokenization,
    describe_files,
)
from function.core.tokenization import LongText

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "fine", "bad", "dull", "the", "film", "is"]
VALUES = {"good": 2.0, "fine": 2.0, "bad": -2.0, "dull": -2.0}
FILES: list[tuple[str, Role]] = [("model.onnx", "graph"), ("tokenizer.json", "tokenizer")]


def write_artifact(
    folder: Path,
    *,
    model: str = "sentiment",
    values: Mapping[str, float] = VALUES,
    max_tokens: int = 8,
    stride: int = 2,
    max_windows: int = 16,
    long_text: LongText = "window",
    temperature: float = 1.0,
    created: datetime = datetime(2026, 1, 2, tzinfo=UTC),
    metrics: dict[str, dict[str, float]] | None = None,
    provenance: dict[str, Any] | None = None,
    samples: Sequence[str] = (),
) -> Path:
    """Write an artifact into a new folder and return the folder."""
    folder.mkdir(parents=True)
    onnx.save(_graph(values), folder / "model.onnx")
    _tokenizer().save(str(folder / "tokenizer.json"))
    manifest = Manifest(
        schema_version=1,
        model=model,
        task="text-classification",
        labels=["negative", "positive"],
        created=created,
        files=describe_files(folder, FILES),
        tokenization=Tokenization(
            max_tokens=max_tokens, window=long_text, stride=stride, max_windows=max_windows
        ),
        decoding=SoftmaxDecoding(temperature=temperature),
        metrics=metrics or {},
        profile={},
        provenance=provenance or {},
        samples=list(samples),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _graph(values: Mapping[str, float]) -> onnx.ModelProto:
    """logits = sum over tokens of table[id], where the attention mask is 1."""
    table = np.array([[-values.get(w, 0.0), values.get(w, 0.0)] for w in WORDS], dtype=np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["vectors", "wide"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "axis"], ["logits"], keepdims=0),
    ]
    shape: list[Any] = ["windows", "tokens"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["windows", 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model
