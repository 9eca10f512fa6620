"""Where an artifact comes from, so that someone else can make it again."""

import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.training.config import TrainConfig
from scripts.training.corpus import locate

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
    """The commit of the code, None outside a checkout."""
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
