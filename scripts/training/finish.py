"""The first and the last steps of every artifact, whatever its task."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from function.core.artifact import Manifest, Tokenization, describe_files
from scripts.training.architectures.architecture import TrainedModel
from scripts.training.card import render_card
from scripts.training.config import TrainConfig
from scripts.training.export import export
from scripts.training.manifest import write_manifest
from scripts.training.quantization import Rounding

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
