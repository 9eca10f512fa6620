"""Versions and aliases of models in a directory, with the keys that every store shares.

    <model>/versions/<version>/<file>     immutable; the manifest is written last
    <model>/aliases/<alias>.json          a pointer, moved by compare-and-swap

A version whose manifest is absent does not exist, so a publish that dies leaves nothing to see,
and running it again completes it.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from function.core.artifact import MANIFEST, Artifact, open_artifact, read_manifest, verify
from scripts.lifecycle.errors import RegistryError


@dataclass(frozen=True)
class Alias:
    """Where an alias points. previous: the version before, None for the first."""

    version: str
    digest: str
    previous: str | None
    moved_at: str
    reason: str
    id: str


class Registry:
    """A directory of models."""

    def __init__(self, location: Path) -> None:
        self._root = location

    def publish(self, artifact: Artifact) -> str:
        """Copy an artifact in under its version; the same one again changes nothing.

        Raises ArtifactError where the artifact is damaged, RegistryError where the version exists
        with other content.
        """
        verify(artifact)
        target = self._version(artifact.manifest.model, artifact.version)
        target.mkdir(parents=True, exist_ok=True)
        for name in artifact.manifest.files:
            _copy(artifact.path / name, target / name)
        _copy(artifact.path / MANIFEST, target / MANIFEST)
        published = open_artifact(target)
        if published.digest != artifact.digest:
            raise RegistryError(f"{artifact.version} is already there with other content")
        verify(published)
        return artifact.version

    def open(self, model: str, version: str) -> Artifact:
        """A published version. Raises RegistryError where there is none."""
        path = self._version(model, version)
        if not (path / MANIFEST).is_file():
            raise RegistryError(f"{model}: no version '{version}' in {self._root}")
        artifact = read_manifest(path)
        if artifact.version != version:
            raise RegistryError(
                f"{model}: {version} holds {artifact.version}; it was tampered with"
            )
        return artifact

    def versions(self, model: str) -> list[str]:
        """Published versions, oldest first."""
        manifests = (self._root / model / "versions").glob(f"*/{MANIFEST}")
        return sorted(manifest.parent.name for manifest in manifests)

    def models(self) -> list[str]:
        """Models that have at least one version."""
        folders = {
            path.parent.parent.parent.name for path in self._root.glob(f"*/versions/*/{MANIFEST}")
        }
        return sorted(folders)

    def alias(self, model: str, name: str) -> Alias | None:
        """Where an alias points, None where it was never set."""
        try:
            return Alias(**json.loads(self._alias(model, name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise RegistryError(f"{self._alias(model, name)}: not an alias: {error}") from error

    def move(self, model: str, name: str, version: str, reason: str) -> Alias:
        """Point an alias at a published version; promoting what is current changes nothing."""
        artifact = self.open(model, version)
        path = self._alias(model, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            current = self.alias(model, name)
            if current and current.version == version:
                return current
            moved = Alias(
                version=version,
                digest=artifact.digest,
                previous=current.version if current else None,
                moved_at=datetime.now(UTC).isoformat(timespec="seconds"),
                reason=reason,
                id=uuid4().hex,
            )
            _write_atomically(path, json.dumps(asdict(moved), indent=1) + "\n")
        return moved

    def pull(self, model: str, version: str, output: Path) -> Artifact:
        """Copy a version to `output/<model>`, verified, replacing what was there at once."""
        artifact = self.open(model, version)
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=output, prefix=f".{model}-") as scratch:
            fresh, old = Path(scratch) / model, Path(scratch) / "old"
            shutil.copytree(artifact.path, fresh)
            verify(open_artifact(fresh))
            target = output / model
            if target.exists():
                os.replace(target, old)
            os.replace(fresh, target)
        return open_artifact(target)

    def _version(self, model: str, version: str) -> Path:
        return self._root / _safe(model) / "versions" / _safe(version)

    def _alias(self, model: str, name: str) -> Path:
        return self._root / _safe(model) / "aliases" / f"{_safe(name)}.json"


def open_registry(location: str) -> Registry:
    """The registry at a directory. Raises RegistryError where the location is something else."""
    if "://" in location:
        raise RegistryError(f"{location}: give a directory; other stores are not supported yet")
    return Registry(Path(location))


def _safe(part: str) -> str:
    """One path part, not a path."""
    if not part or part in (".", "..") or "/" in part or "\\" in part:
        raise RegistryError(f"'{part}' is not a name")
    return part


def _copy(source: Path, target: Path) -> None:
    """Copy a file into place whole; what is already there stays."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}")
    shutil.copyfile(source, partial)
    _sync(partial)
    try:
        os.link(partial, target)  # fails where another publish was first, which is as good
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _write_atomically(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    partial.write_text(content, encoding="utf-8")
    _sync(partial)
    os.replace(partial, path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time; the lock goes with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
