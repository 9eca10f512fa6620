"""One small export that many tests damage copies of."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import BertConfig

from function.core.artifact import Artifact, describe_files, open_artifact
from function.core.manifest import MANIFEST
from tests.unit.backends.exported import SHAPE, Exported, write_exported

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    """Models this small are slower on two threads, and torch logs more than it computes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger("torch").setLevel(logging.ERROR)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A tiny BERT, exported."""
    folder = tmp_path_factory.mktemp("bert") / "artifact"
    return write_exported(folder, BertConfig(**SHAPE, pad_token_id=0))


@pytest.fixture
def copy(bert: Exported, tmp_path: Path) -> Path:
    """Its folder, free to be damaged."""
    return Path(shutil.copytree(bert.artifact.path, tmp_path / "tiny"))


def opened(folder: Path) -> Artifact:
    """An artifact whose files were changed, with a manifest that matches them."""
    manifest = json.loads((folder / MANIFEST).read_text())
    roles = [(name, entry["role"]) for name, entry in manifest["files"].items()]
    present = [(name, role) for name, role in roles if (folder / name).exists()]
    entries = describe_files(folder, present)
    return rewritten(
        folder, lambda m: m.update(files={n: e.model_dump() for n, e in entries.items()})
    )


def rewritten(folder: Path, change: Change) -> Artifact:
    """An artifact whose manifest was changed."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return open_artifact(folder)


def reweighted(folder: Path, change: Change) -> Artifact:
    """An artifact whose tensors were changed."""
    path = folder / "model.safetensors"
    with safe_open(path, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    change(tensors)
    save_file(tensors, path, metadata)
    return opened(folder)


def reconfigured(folder: Path, change: Change) -> Artifact:
    """An artifact whose config.json was changed."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    return opened(folder)
