"""The manifest of an artifact that is being written."""

from datetime import datetime
from pathlib import Path

from function.core.artifact import (
    MANIFEST,
    CrfDecoding,
    Manifest,
    Role,
    SoftmaxDecoding,
    Task,
    Tokenization,
    describe_files,
)
from scripts.training.export import DECODER

FILES: list[tuple[str, Role]] = [
    ("model.onnx", "graph"),
    ("model.safetensors", "weights"),
    ("tokenizer.json", "tokenizer"),
    ("config.json", "config"),
]


def draft_manifest(
    folder: Path,
    model: str,
    labels: list[str],
    tokenization: Tokenization,
    created: datetime,
    *,
    task: Task = "text-classification",
    decoding: SoftmaxDecoding | CrfDecoding | None = None,
) -> Manifest:
    """Describe what `export` wrote into a folder; nothing is measured or calibrated yet."""
    decoder: list[tuple[str, Role]] = [(DECODER, "decoder")] if (folder / DECODER).exists() else []
    return Manifest(
        schema_version=1,
        model=model,
        task=task,
        labels=labels,
        created=created,
        files=describe_files(folder, FILES + decoder),
        tokenization=tokenization,
        decoding=decoding or SoftmaxDecoding(),
        metrics={},
        profile={},
        provenance={},
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Put it beside its files."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
