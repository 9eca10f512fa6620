"""The manifest of an artifact that is being written."""

from datetime import datetime
from pathlib import Path

from function.core.artifact import (
    MANIFEST,
    Manifest,
    Role,
    SoftmaxDecoding,
    Tokenization,
    describe_files,
)

FILES: list[tuple[str, Role]] = [
    ("model.onnx", "graph"),
    ("model.safetensors", "weights"),
    ("tokenizer.json", "tokenizer"),
    ("config.json", "config"),
]


def draft_manifest(
    folder: Path, model: str, labels: list[str], tokenization: Tokenization, created: datetime
) -> Manifest:
    """Describe what `export` wrote into a folder; nothing is measured or calibrated yet."""
    return Manifest(
        schema_version=1,
        model=model,
        task="text-classification",
        labels=labels,
        created=created,
        files=describe_files(folder, FILES),
        tokenization=tokenization,
        decoding=SoftmaxDecoding(),
        metrics={},
        profile={},
        provenance={},
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Put it beside its files."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
