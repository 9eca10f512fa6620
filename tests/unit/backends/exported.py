"""Artifacts of tiny random transformers models, made by the project's own exporter."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from function.core.artifact import Artifact, open_artifact
from function.core.heads import ArgmaxDecoding, Decoding, EmbeddingDecoding, SoftmaxDecoding
from function.core.manifest import Tokenization
from function.core.tokenization import TextTokenizer, TokenIds
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.base_checkpoint import MODELS
from scripts.train.export import export
from scripts.train.manifest import draft_manifest, write_manifest
from scripts.train.quantization import Rounding
from tests.tiny import write_artifact

LABELS = ["bad", "fair", "good"]
VOCABULARY = 1100  # large enough for the table to be rounded, as real ones are
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "id2label": dict(enumerate(LABELS)),
}
MAX_TOKENS = 24
# A head of each task, and the labels of its manifest.
HEADS: dict[str, tuple[Decoding, list[str]]] = {
    "softmax": (SoftmaxDecoding(), LABELS),
    "argmax": (ArgmaxDecoding(tags=["O", "B-good", "bad"]), ["bad", "good"]),
    "embedding": (EmbeddingDecoding(dimensions=32), []),
}
LOUDER = 8.0  # random models whisper; logits that are all alike would agree whatever they are


@dataclass(frozen=True)
class Exported:
    """An artifact, and the parameters of the model that it was made of."""

    artifact: Artifact
    parameters: dict[str, npt.NDArray[np.float32]]
    pad_id: int


def write_exported(
    folder: Path, config: Any, rounding: Rounding | None = None, head: str = "softmax"
) -> Exported:
    """Export a random model of a configuration. rounding: as for `export`."""
    decoding, labels = HEADS[head]
    tokenizer_file = write_artifact(folder.with_name(f"{folder.name}-words")) / "tokenizer.json"
    torch.manual_seed(0)
    model = MODELS[decoding.task].from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "position" not in name:
                parameter.mul_(LOUDER)
            elif "bias" in name:
                parameter.normal_(std=0.1)
    folder.mkdir(parents=True)
    tokenizer, settings = TextTokenizer(tokenizer_file), json.loads(model.config.to_json_string())
    export(TrainedModel(model, tokenizer, tokenizer_file, settings), folder, rounding)
    tokenization = Tokenization(max_tokens=MAX_TOKENS, window="window", stride=6, max_windows=16)
    created = datetime(2026, 3, 4, tzinfo=UTC)
    manifest = draft_manifest(
        folder, "tiny", labels, tokenization, created, task=decoding.task, decoding=decoding
    )
    write_manifest(manifest, folder)
    return Exported(
        open_artifact(folder),
        {n: t.numpy() for n, t in model.state_dict().items() if t.is_floating_point()},
        config.pad_token_id,
    )


def windows(lengths: Sequence[int], seed: int = 0) -> list[TokenIds]:
    """Token ids without a meaning, none of them special."""
    generator = np.random.default_rng(seed)
    return [generator.integers(10, VOCABULARY, length) for length in lengths]
