"""A complete artifact in a few kilobytes: a bag of words whose answers can be worked out by hand.

Every word has a value: "good" and "fine" +2, "bad" and "dull" -2, all others 0. The logits are
(-sum, +sum) over the tokens of a window, special tokens counting 0; of one label the last alone.
Where it embeds, a token's vector is (-value, +value, 1).

With a cascade, the first stage knows "good" (+8) and "bad" (-8): the log-odds of "positive" are
their sum over the root of the number of different 1- to 3-grams, and P(right) is the softmax of
that. It answers alone from 95 % on: "good film" at 8/√3, but not "the good film is" at 8/√9. That
one's log-odds are those of the graph and half of the first stage's.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from function.core.artifact import describe_files
from function.core.cascade import BIAS, SCALE, TABLE, hash_ngrams
from function.core.heads import Decoding, EmbeddingDecoding, SoftmaxDecoding
from function.core.manifest import MANIFEST, Blend, Cascade, Manifest, Role, Tokenization
from function.core.tokenization import LongText

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "fine", "bad", "dull", "the", "film", "is"]
VALUES = {"good": 2.0, "fine": 2.0, "bad": -2.0, "dull": -2.0}
FILES: list[tuple[str, Role]] = [("model.onnx", "graph"), ("tokenizer.json", "tokenizer")]
FIRST_VALUES = {"good": 8, "bad": -8}
FIRST_STAGE: tuple[str, Role] = ("first_stage.safetensors", "first_stage")
CASCADE = Cascade(
    kind="ngrams",
    buckets=1 << 16,
    certainty=(0.0, 1.0, 0.0, 0.0),
    threshold=0.95,
    blend=Blend(full=1.0, first=0.5),
    proof={},
)


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
    cascade: Cascade | None = None,
    decoding: Decoding | None = None,
    labels: Sequence[str] = ("negative", "positive"),
    pairs: bool = False,
    **members: Any,
) -> Path:
    """Write an artifact into a new folder and return the folder; `members` are the manifest's."""
    folder.mkdir(parents=True)
    if isinstance(decoding, EmbeddingDecoding):
        labels = ()
    onnx.save(_graph(values, len(labels)), folder / "model.onnx")
    _tokenizer().save(str(folder / "tokenizer.json"))
    if cascade:
        _save_first_stage(folder / FIRST_STAGE[0], cascade.buckets)
    manifest = Manifest(
        schema_version=2 if cascade else 1,
        model=model,
        task=(decoding or SoftmaxDecoding()).task,
        labels=list(labels),
        created=created,
        files=describe_files(folder, [*FILES, FIRST_STAGE] if cascade else FILES),
        tokenization=Tokenization(
            max_tokens=max_tokens,
            window=long_text,
            stride=stride,
            max_windows=max_windows,
            pairs=pairs,
        ),
        decoding=decoding or SoftmaxDecoding(temperature=temperature),
        metrics=metrics or {},
        profile={},
        provenance=provenance or {},
        samples=list(samples),
        cascade=cascade,
        **members,
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
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def _save_first_stage(path: Path, buckets: int) -> None:
    table = np.zeros((buckets, 1), np.int8)
    for word, value in FIRST_VALUES.items():
        table[hash_ngrams(np.array([WORDS.index(word)]), buckets)] = value
    save_file(
        {TABLE: table, SCALE: np.ones(1, np.float32), BIAS: np.zeros(1, np.float32)},
        path,
    )


def _graph(values: Mapping[str, float], outputs: int) -> onnx.ModelProto:
    """logits = sum over tokens of table[id], where the attention mask is 1; 0 outputs: no sum."""
    table = np.array([[-values.get(w, 0.0), values.get(w, 0.0)] for w in WORDS], dtype=np.float32)
    table = (
        table[:, 2 - outputs :]
        if outputs
        else np.pad(table, ((0, 0), (0, 1)), "constant", constant_values=1)
    )
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["vectors", "wide"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "axis"], ["logits"], keepdims=0),
    ]
    shape: list[Any] = ["windows", "tokens"]
    logits = ["windows", outputs]
    if not outputs:
        nodes = [helper.make_node("Gather", ["table", "input_ids"], ["logits"])]
        logits = [*shape, table.shape[1]]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, logits)],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model
