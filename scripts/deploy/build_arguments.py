"""The models of an image, and the arguments of its build."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from function.core.artifact import Artifact, open_artifact, verify
from scripts.common.errors import UsageError
from scripts.common.git import git

# As git writes it for short: git@host:owner/name.git
SSH_REMOTE = re.compile(r"^[\w.-]+@(?P<host>[\w.-]+):(?P<path>[^/].*)$")


def read_models(folder: Path) -> list[Artifact]:
    """Open and verify all models of a folder, sorted by name.

    Raises ArtifactError if a model is damaged, UsageError if there is none.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; write it with scripts.pull")
    artifacts = [open_artifact(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    if not artifacts:
        raise UsageError(f"no model in {folder}; write them with scripts.pull")
    for artifact in artifacts:
        verify(artifact)
    return artifacts


def build_arguments(folder: Path, artifacts: Sequence[Artifact], versions: str) -> Iterator[str]:
    """Yield arguments of `docker build` and `podman build`, none with a space.

    They name the folder with the models, the versions that the build must find in it, and labels
    with models, digests and commit.
    """
    digests = ",".join(f"{each.manifest.model}=sha256:{each.digest}" for each in artifacts)
    yield f"--build-context=models={folder}"
    yield f"--build-arg=MODELS={versions}"
    yield f"--label=evergreen.models={versions}"
    yield f"--label=evergreen.model-digests={digests}"
    if commit := git("rev-parse", "HEAD"):
        changed = "-dirty" if git("status", "--porcelain", "--untracked-files=no") else ""
        yield f"--label=org.opencontainers.image.revision={commit}{changed}"
    if source := public_address(git("remote", "get-url", "origin")):
        yield f"--label=org.opencontainers.image.source={source}"


def public_address(remote: str) -> str:
    """Return a remote's web address without user and token; empty for a folder."""
    if short := SSH_REMOTE.match(remote):
        remote = f"https://{short['host']}/{short['path']}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https", "ssh") or not parts.hostname:
        return ""
    scheme, port = ("https", None) if parts.scheme == "ssh" else (parts.scheme, parts.port)
    host = f"{parts.hostname}:{port}" if port else parts.hostname
    return f"{scheme}://{host}{parts.path.removesuffix('.git')}"
