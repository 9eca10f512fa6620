"""What a source gave, as an artifact: an artifact as it is, a checkpoint exported to int8 ONNX."""

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
    """Verify the artifact in a fetched folder, or make one in `output` of its checkpoint.

    texts: real ones, on which the export is compared with the checkpoint; nothing is chosen or
    calibrated on them. created: what the manifest shall say, now where nothing is given; the
    same revision with the same `created` becomes the same version.

    Raises SourceError where it cannot be imported, ArtifactError where an artifact is damaged,
    ExportError where the export answers differently, MissingExtraError without torch.
    """
    if (folder / MANIFEST).is_file():
        artifact = open_artifact(folder)
        if artifact.manifest.model != model:
            raise SourceError(
                f"{revision.source}: is an artifact of '{artifact.manifest.model}', not '{model}'"
            )
        verify(artifact)
        return artifact
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
    return convert(
        folder,
        checkpoint,
        model,
        texts,
        output,
        revision,
        created or datetime.now(UTC).replace(microsecond=0),
    )
