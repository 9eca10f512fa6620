"""The manifest of an artifact that is being written."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.config import TrainConfig
from scripts.train.export import DECODER, export
from scripts.train.quantization import Rounding

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


def render_card(manifest: Manifest) -> str:
    """Markdown: what the model is, how well it does, and what it was made from."""
    sources = manifest.provenance
    lines = [
        f"# {manifest.model}",
        "",
        f"Task: {manifest.task}. Labels: {', '.join(manifest.labels)}.",
        f"Made {manifest.created:%Y-%m-%d}.",
        "",
        f"{_origin(sources)} {_data(sources)}",
        "",
        "Measured on the int8 artifact itself, by the code that serves it:",
        "",
        *(_entities(manifest) if manifest.task == "token-classification" else _classes(manifest)),
    ]
    lines += [
        "",
        f"Texts beyond {manifest.tokenization.max_tokens} tokens: {manifest.tokenization.window}. "
        f"Temperature: {manifest.decoding.temperature}.",
        "",
        *(f"- {name}: {text}" for name, text in sources["licenses"].items()),
    ]
    return "\n".join(lines) + "\n"


def _origin(sources: dict[str, Any]) -> str:
    if sources["base"]:
        return f"Base checkpoint: `{sources['base']}`."
    return "Trained from scratch."


def _data(sources: dict[str, Any]) -> str:
    """Data sets by what they were for."""
    measured = sources["config"]["evaluation"]
    trained = [name for name in sources["datasets"] if name not in measured]
    only = f" Measured on, and not trained on: {', '.join(measured)}." if measured else ""
    return f"Trained on: {', '.join(trained)}.{only}"


def _classes(manifest: Manifest) -> Iterator[str]:
    yield "| data | texts | accuracy | 95 % interval | calibration error |"
    yield "| --- | --- | --- | --- | --- |"
    for name, row in manifest.metrics.items():
        yield (
            f"| {name} | {row['texts']:.0f} | {row['accuracy']:.2%} "
            f"| {row['accuracy_low']:.2%} to {row['accuracy_high']:.2%} "
            f"| {row['calibration_error']:.3f} |"
        )


def _entities(manifest: Manifest) -> Iterator[str]:
    yield "| data | texts | entities | precision | recall | F1 | calibration error |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, row in manifest.metrics.items():
        yield (
            f"| {name} | {row['texts']:.0f} | {row['entities']:.0f} | {row['precision']:.2%} "
            f"| {row['recall']:.2%} | {row['f1']:.2%} | {row['calibration_error']:.3f} |"
        )


CARD = "README.md"


def export_anew(config: TrainConfig, trained: TrainedModel, output: Path) -> Path:
    """Export into an empty folder, which `finish` makes the artifact."""
    folder = output / "artifact.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    serving = config.serving
    export(trained, folder, Rounding(tuple(serving.by_token), tuple(serving.exact)))
    return folder


def tokenization(config: TrainConfig, trained: TrainedModel) -> Tokenization:
    """How the configuration wants texts to be read, long ones in windows."""
    return Tokenization(
        max_tokens=config.serving.max_tokens,
        window="window",
        stride=config.serving.stride,
        max_windows=config.serving.max_windows,
        casing=trained.casing,
    )


def now() -> datetime:
    """To the second, which is what a manifest tells."""
    return datetime.now(UTC).replace(microsecond=0)


def finish(manifest: Manifest, folder: Path, output: Path) -> None:
    """Write the card and the manifest, and move the folder to `output/artifact`."""
    (folder / CARD).write_text(render_card(manifest), encoding="utf-8")
    files = manifest.files | describe_files(folder, [(CARD, "card")])
    write_manifest(manifest.model_copy(update={"files": files}), folder)
    final = output / "artifact"
    shutil.rmtree(final, ignore_errors=True)
    os.replace(folder, final)
