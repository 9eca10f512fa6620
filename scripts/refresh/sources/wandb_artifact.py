"""An artifact of Weights & Biases, read with the key in WANDB_API_KEY.

The revision is the version that the alias names and the digest of its content.
"""

from pathlib import Path
from typing import Any, ClassVar

from scripts.common.errors import SourceError, UsageError, one_line
from scripts.refresh.sources.source import (
    Revision,
    client_errors,
    find_model,
    load_client,
)


class WandbArtifact:
    """`wandb:ENTITY/PROJECT/ARTIFACT[:ALIAS]`, `latest` where no alias is named."""

    variables: ClassVar[tuple[str, ...]] = ("WANDB_API_KEY",)

    def __init__(self, address: str) -> None:
        self._path, colon, alias = address.partition(":")
        parts = self._path.split("/")
        if len(parts) != 3 or not all(parts) or (colon and not alias):
            raise UsageError(f"wandb:{address}: give wandb:ENTITY/PROJECT/ARTIFACT[:ALIAS]")
        self._alias = alias or "latest"
        self._source = f"wandb:{self._path}"

    def newest(self) -> Revision:
        """See `Source`."""
        with client_errors(self._source, _explain):
            artifact = self._artifact(self._alias)
            return Revision(self._source, _pin(artifact))

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """See `Source`."""
        version = revision.revision.partition("-")[0]
        with client_errors(self._source, _explain):
            artifact = self._artifact(version)
            if _pin(artifact) != revision.revision:
                raise SourceError(f"{self._source}: {version} was replaced by another")
            artifact.download(root=str(folder))
        return find_model(folder, self._source)

    def _artifact(self, alias: str) -> Any:
        return load_client("wandb").Api().artifact(f"{self._path}:{alias}")


def _pin(artifact: Any) -> str:
    return f"{artifact.version}-{artifact.digest}"


def _explain(error: Exception) -> str | None:
    """Return the cause in plain words; W&B's client distinguishes errors by their message only."""
    message = one_line(error)
    lowered = message.lower()
    if "not found" in lowered or "does not exist" in lowered or "unable to fetch" in lowered:
        return f"not found: {message}"
    if any(word in lowered for word in ("permission", "denied", "api key", "log in", "login")):
        return f"access denied: set WANDB_API_KEY to a key that may read it ({message})"
    return None
