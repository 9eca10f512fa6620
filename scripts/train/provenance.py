"""Where an artifact comes from, so that someone else can make it again."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.common.git import git
from scripts.train.config import TrainConfig
from scripts.train.corpus import locate

LIBRARIES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "numpy")


def provenance(config: TrainConfig, data: Path, extra: dict[str, Any]) -> dict[str, Any]:
    """Base checkpoint, data sets with digests, commit, seed, library versions, licenses."""
    sources = [(dataset.name, dataset.path) for dataset in config.datasets]
    sources += [(name, path) for name, path in config.evaluation.items()]
    if config.pretraining:
        sources.append(("pretraining", config.pretraining.path))
    if config.unlabelled:
        sources.append(("unlabelled", config.unlabelled.path))
    return {
        "base": config.base,
        "licenses": config.licenses,
        "datasets": {
            name: {"path": path, "sha256": _digest(locate(data, path))} for name, path in sources
        },
        "seed": config.seed,
        "config": config.model_dump(mode="json", exclude_none=True),
        **made_with(),
        **extra,
    }


def told_base(configured: str, used: str) -> str:
    """What a checkpoint is called where it is told of: never by where it lies on this machine.

    A folder that was given is a copy of the configured checkpoint, and has but its own name where
    none is configured.
    """
    folder = Path(used)
    if used == configured or not folder.exists():
        return used
    return configured or folder.resolve().name


def made_with() -> dict[str, Any]:
    """The code and the libraries of this moment."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _digest(path: Path) -> str | None:
    """SHA-256 of a file; None for folders and data sets by name, which have no one content."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _commit() -> str | None:
    """The commit of the code, `-dirty` where files differ from it, None outside a checkout."""
    head = git("rev-parse", "HEAD")
    changed = head and git("status", "--porcelain", "--untracked-files=no")
    return f"{head}-dirty" if changed else head or None
