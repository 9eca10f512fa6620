"""The checkpoint that training starts from: a folder, an artifact, or an id on the hub."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, try_to_load_from_cache
from safetensors.numpy import save_file
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from function.backends.weights import read_parameters
from function.core.artifact import open_artifact, verify
from function.core.heads import Task
from function.core.manifest import MANIFEST
from scripts.common.errors import UsageError, one_line
from scripts.train.cache import cached

CONFIG = "config.json"
TIMEOUT = 10.0
MOST_TOKENS = 512
MODELS: dict[Task, Any] = {
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
    "feature-extraction": AutoModel,
}


def find_base(base: str) -> str:
    """Return a folder, or an id that the hub knows, to load a checkpoint from.

    An artifact becomes a checkpoint in the cache: its weights in full precision.
    The hub is asked once, because transformers would try for a minute. Where it cannot be reached,
    what it gave before is taken from the cache. Raises UsageError where there is neither.
    """
    folder = Path(base)
    if (folder / MANIFEST).is_file():
        return _unpacked(folder)
    if folder.exists():
        if not (folder / CONFIG).is_file():
            raise UsageError(f"base {base}: no {CONFIG} in it, which save_pretrained writes")
        return base
    try:
        HfApi().model_info(base, timeout=TIMEOUT)
    except Exception as error:  # those of its HTTP library, too
        cached = _cached(base)
        if cached:
            return cached
        raise UsageError(
            f"base {base}: no such folder, and the hub does not give it: {one_line(error)}. "
            "Without a hub, give --base FOLDER (docs/own-model.md says where to get one)"
        ) from error
    return base


def _unpacked(folder: Path) -> str:
    artifact = open_artifact(folder)
    verify(artifact)
    place = f"bases/{artifact.digest[:32]}"
    tokenizer = artifact.file("tokenizer").read_text(encoding="utf-8")
    files = {
        CONFIG: (folder / CONFIG).read_text(encoding="utf-8"),
        "tokenizer.json": tokenizer,
        # No class of a model's own, which might normalise texts in another way.
        "tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}),
    }
    for name, content in files.items():
        cached(f"{place}/{name}", partial(Path.write_text, data=content, encoding="utf-8"))
    _, parameters = read_parameters(artifact)
    weights = cached(f"{place}/model.safetensors", partial(save_file, parameters))
    return str(weights.parent)


def save_tokenizer(base: str, folder: Path) -> Path:
    """Save the tokenizer of a base that was found as one `tokenizer.json`, whatever its form."""
    path = folder / "tokenizer.json"
    if not path.exists():
        with loading(base):
            fast = AutoTokenizer.from_pretrained(base)
        backend = getattr(fast, "backend_tokenizer", None)
        if backend is None:
            raise UsageError(f"base {base}: it has no fast tokenizer, which serving needs")
        path.write_text(json.dumps(json.loads(backend.to_str()), ensure_ascii=False), "utf-8")
    return path


@contextmanager
def loading(base: str) -> Iterator[None]:
    """Raise UsageError, in one line, where transformers cannot load a part of the checkpoint."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise UsageError(f"base {base}: it cannot be loaded: {one_line(error)}") from error


def load_classifier(
    folder: Path, task: Task = "text-classification"
) -> tuple[PreTrainedModel, list[str]]:
    """Load a checkpoint in full precision, from safetensors alone and without code of its own.

    Returns it, and the names of weights that it lacks.
    """
    model, loaded = MODELS[task].from_pretrained(
        folder,
        dtype=torch.float32,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    missing = sorted(loaded["missing_keys"])
    if task == "feature-extraction":  # no embedding takes this layer, and many files lack it
        missing = [name for name in missing if not name.startswith("pooler.")]
    return model, missing


def longest_window(model: PreTrainedModel, tokenizer: int | None = None) -> int:
    """Return the tokens that positions and tokenizer allow, at most MOST_TOKENS.

    `tokenizer` is the limit that it has itself, if any.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    limits = [MOST_TOKENS, positions, tokenizer]
    for name, table in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(table, nn.Embedding):
            # RoBERTa's positions begin after the padding's, whose row is never a token's.
            unused = 0 if table.padding_idx is None else table.padding_idx + 1
            limits.append(table.num_embeddings - unused)
    return min(limit for limit in limits if limit and limit > 0)


def _cached(base: str) -> str | None:
    try:
        found = try_to_load_from_cache(base, CONFIG)
    except ValueError:  # no id of the hub's
        return None
    return str(Path(found).parent) if isinstance(found, str) else None
