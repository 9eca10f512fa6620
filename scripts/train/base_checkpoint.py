"""The checkpoint that training starts from: a folder, or an id on the hub."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, try_to_load_from_cache
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from function.core.heads import Task
from scripts.common.errors import UsageError, one_line

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

    The hub is asked once, because transformers would try for a minute. Where it cannot be reached,
    what it gave before is taken from the cache. Raises UsageError where there is neither.
    """
    folder = Path(base)
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
