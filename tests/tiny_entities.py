"""A complete artifact of a few kilobytes that finds entities; tags can be worked out by hand.

"ada" begins a person and "lovelace" goes on with one, "paris" is a place, "acme" and "reuters" are
organisations; "new" and "york" are a place together. Every other word is outside, unless it is
capitalised and unknown: then it is a person, so that casing shows. Transitions forbid what no
entity looks like.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from function.core.artifact import describe_files
from function.core.casing import Casing
from function.core.heads import CrfDecoding, Decoding
from function.core.manifest import MANIFEST, Manifest, Role, Tokenization

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "ada", "love", "##lace", "paris", "acme", "new", "york"),
    *("in", "met", ".", ",", "reuters"),
]
LABELS = ["LOC", "ORG", "PER"]
TAGS = ["O", *(f"{place}-{label}" for label in LABELS for place in "BI")]
TAG_OF = {
    "ada": "B-PER",
    "love": "I-PER",
    "##lace": "I-PER",
    "paris": "B-LOC",
    "acme": "B-ORG",
    "reuters": "B-ORG",
    "new": "B-LOC",
    "york": "I-LOC",
}
SURE = 4.0  # the emission of a word's tag; all others have 0
FORBIDDEN = -1e4
FILES: list[tuple[str, Role]] = [
    ("model.onnx", "graph"),
    ("tokenizer.json", "tokenizer"),
    ("transitions.safetensors", "decoder"),
]


def write_entity_artifact(
    folder: Path,
    *,
    model: str = "ner",
    tag_of: Mapping[str, str] = TAG_OF,
    max_tokens: int = 8,
    stride: int = 2,
    max_windows: int = 16,
    temperature: float = 1.0,
    created: datetime = datetime(2026, 1, 2, tzinfo=UTC),
    decoding: Decoding | None = None,
) -> Path:
    """Write an artifact into a new folder and return the folder."""
    folder.mkdir(parents=True)
    onnx.save(_graph(tag_of), folder / "model.onnx")
    tokenizer_of_words().save(str(folder / "tokenizer.json"))
    save_file(_transitions(), folder / "transitions.safetensors")
    manifest = Manifest(
        schema_version=1,
        model=model,
        task="token-classification",
        labels=LABELS,
        created=created,
        files=describe_files(folder, FILES),
        tokenization=Tokenization(
            max_tokens=max_tokens,
            window="window",
            stride=stride,
            max_windows=max_windows,
            casing=True,
        ),
        decoding=decoding or CrfDecoding(tags=TAGS, temperature=temperature),
        metrics={},
        profile={},
        provenance={},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return folder


def tokenizer_of_words() -> Tokenizer:
    """Of the words above alone."""
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _transitions() -> dict[str, np.ndarray]:
    between = np.zeros((len(TAGS), len(TAGS)), dtype=np.float32)
    start = np.zeros(len(TAGS), dtype=np.float32)
    for column, tag in enumerate(TAGS):
        if tag[0] == "I":
            start[column] = FORBIDDEN
            for row, before in enumerate(TAGS):
                if before[2:] != tag[2:]:
                    between[row, column] = FORBIDDEN
    return {"start": start, "end": np.zeros(len(TAGS), dtype=np.float32), "between": between}


def _graph(tag_of: Mapping[str, str]) -> onnx.ModelProto:
    """logits = table[input_ids]: an id is a word's and, behind it, its casing's."""
    table = np.zeros((len(Casing) * len(WORDS), len(TAGS)), dtype=np.float32)
    for code in Casing:
        for index, word in enumerate(WORDS):
            unknown = "B-PER" if code and word == "[UNK]" else "O"
            tag = tag_of.get(word, unknown)
            table[code * len(WORDS) + index, TAGS.index(tag)] = SURE
    shape = ["windows", "tokens"]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "tiny entities",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, shape)
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*shape, len(TAGS)])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model
