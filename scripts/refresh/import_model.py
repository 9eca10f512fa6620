"""Import of what a source gave: an artifact as it is, a checkpoint exported to int8 ONNX."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from function.core.artifact import MANIFEST, Artifact, open_artifact, verify
from scripts.common.errors import MissingExtraError, SourceError
from scripts.refresh.checkpoint import read_checkpoint
from scripts.refresh.sources.source import Revision

TRAINING = "torch transformers onnx onnxscript onnxruntime safetensors"


def import_model(
    folder: Path,
    model: str,
    texts: Sequence[str],
    output: Path,
    revision: Revision,
    *,
    created: datetime | None = None,
) -> Artifact:
    """Return the artifact in a fetched folder, or one made of its checkpoint; either is verified.

    An export in `output` is compared with the checkpoint on `texts`; nothing is chosen or
    calibrated on them. The same revision with the same `created`, now by default, becomes the same
    version.

    Raises:
        ArtifactError: The artifact is damaged.
        ExportError: The export answers differently than the checkpoint.
        MissingExtraError: A checkpoint needs torch, which is not installed.
        SourceError: The folder cannot be imported.
    """
    if (folder / MANIFEST).is_file():
        artifact = open_artifact(folder)
        if artifact.manifest.model != model:
            raise SourceError(
                f"{revision.source}: is an artifact of '{artifact.manifest.model}', not '{model}'"
            )
    else:
        moment = created or datetime.now(UTC).replace(microsecond=0)
        artifact = _convert(folder, model, texts, output, revision, moment)
    verify(artifact)
    return artifact


def _convert(
    folder: Path,
    model: str,
    texts: Sequence[str],
    output: Path,
    revision: Revision,
    created: datetime,
) -> Artifact:
    names = {path.name for path in folder.iterdir()}
    checkpoint = read_checkpoint(folder, names, revision.source)
    try:
        # Only here: an artifact is imported where no torch is installed.
        from scripts.refresh.conversion import convert
    except ImportError as error:
        raise MissingExtraError(
            f"{revision.source}: a checkpoint is exported with {error.name}, which is not "
            f"installed: pip install {TRAINING}"
        ) from error
    return convert(folder, checkpoint, model, texts, output, revision, created)
