"""Immutable versions of models in an object store.

A version's manifest is written last, and a version whose manifest is absent does not exist: a
publish that dies leaves nothing to see, and running it again completes it.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from function.core.artifact import Artifact, open_artifact, sha256, verify
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST, Role, parse_manifest
from scripts.common.errors import ConflictError, NotFoundError, RegistryError, StoreError
from scripts.registry import keys
from scripts.registry.documents import find_document, write_document
from scripts.registry.stores.store import ObjectStore

ABANDONED_SECONDS = 86_400  # after which no pull can still be running


class Versions:
    """A store of versions. Every method raises StoreError where the store fails."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def publish(self, artifact: Artifact) -> str:
        """Verify an artifact, upload it under its version, and read it back; returns the version.

        Publishing it again changes nothing. Raises ArtifactError where it is damaged, RegistryError
        where the version exists with other content, StoreError where it arrives damaged.
        """
        verify(artifact)
        model, version = artifact.manifest.model, artifact.version
        if artifact.manifest.created > datetime.now(UTC) + timedelta(days=1):
            raise RegistryError(
                f"{model}: {version} was made in the future, and would stay the newest: correct "
                "the system time where it is made"
            )
        exists = find_document(self.store, keys.version_file(model, version, MANIFEST)) is not None
        for name in artifact.manifest.files:
            self._upload(artifact, name, complete=exists)
        key = keys.version_file(model, version, MANIFEST)
        try:
            write_document(self.store, key, (artifact.path / MANIFEST).read_bytes(), None)
        except ConflictError as error:
            raise RegistryError(
                f"{model}: {version} is already there with other content"
            ) from error
        self.describe(model, version)
        return version

    def describe(self, model: str, version: str) -> Artifact:
        """Return a published version with its manifest alone. Raises RegistryError."""
        key = keys.version_file(model, version, MANIFEST)
        stored = find_document(self.store, key)
        if stored is None:
            raise RegistryError(f"{model}: no version '{version}' in {self.store.location}")
        manifest = parse_manifest(stored.content, f"{model}/{version}")
        artifact = Artifact(Path(model, version), manifest, sha256(stored.content))
        if artifact.version != version or manifest.model != model:
            raise RegistryError(
                f"{model}: {version} holds {manifest.model} {artifact.version}; "
                "it was tampered with"
            )
        return artifact

    def versions(self, model: str) -> list[str]:
        """Return published versions in the order of their names, which begin with the day."""
        prefix = keys.versions(model)
        return sorted(
            parts[0]
            for entry in self.store.list(prefix)
            if (parts := entry.key.removeprefix(prefix).split("/"))[1:] == [MANIFEST]
        )

    def models(self) -> list[str]:
        """Return the models that have at least one version."""
        found = set()
        for entry in self.store.list(""):
            parts = entry.key.split("/")
            if len(parts) == 4 and parts[1] == "versions" and parts[3] == MANIFEST:
                found.add(parts[0])
        return sorted(found)

    def verify(self, model: str, version: str) -> Artifact:
        """Download a version and verify it. Raises ArtifactError, RegistryError."""
        with TemporaryDirectory() as scratch:
            return self.download(model, version, Path(scratch) / version)

    def download(
        self, model: str, version: str, folder: Path, *, leave_out: Collection[Role] = ()
    ) -> Artifact:
        """Write a version to a new folder, less the files of some roles, and verify it.

        Raises ArtifactError, RegistryError.
        """
        described = self.describe(model, version)
        folder.mkdir(parents=True)
        files = described.manifest.files
        for name in [*(name for name in files if files[name].role not in leave_out), MANIFEST]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            key = keys.version_file(model, version, name)
            try:
                self.store.download(key, path)
            except NotFoundError as error:
                raise ArtifactError(f"{key}: listed in the manifest but missing") from error
        artifact = open_artifact(folder, leave_out)
        verify(artifact)
        if artifact.digest != described.digest:
            raise RegistryError(f"{model}: {version} changed while it was read; try again")
        return artifact

    def pull(
        self, model: str, version: str, output: Path, *, leave_out: Collection[Role] = ()
    ) -> Artifact:
        """Put a version at `output/<model>`, verified, replacing what was there at once."""
        output.mkdir(parents=True, exist_ok=True)
        prefix = f".{keys.name(model)}-"
        for left in output.glob(f"{prefix}*"):  # by a pull that was killed
            with suppress(FileNotFoundError):  # by another pull
                if left.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(dir=output, prefix=prefix) as scratch:
            fresh, old = Path(scratch) / model, Path(scratch) / "old"
            self.download(model, version, fresh, leave_out=leave_out)
            target = output / model
            if target.exists():
                os.replace(target, old)
            try:
                os.replace(fresh, target)
            except OSError as error:
                with suppress(OSError):
                    os.replace(old, target)
                raise RegistryError(f"{target}: someone else pulled it meanwhile") from error
        return open_artifact(target, leave_out)

    def _upload(self, artifact: Artifact, name: str, *, complete: bool) -> None:
        """Upload one file; a `complete` version has its manifest, so nothing of it may change."""
        key = keys.version_file(artifact.manifest.model, artifact.version, name)
        expected = artifact.manifest.files[name].sha256
        path = artifact.path / name
        if not complete:
            with suppress(ConflictError):  # of an earlier try; it is read back below
                self.store.create(key, path)
        digest, etag = self._digest(key)
        if digest == expected:
            return
        if complete:
            raise RegistryError(f"{key}: its SHA-256 differs from the manifest's")
        self.store.replace(key, path, etag)
        if self._digest(key)[0] != expected:
            raise StoreError(f"{key}: arrived damaged twice; nothing was published")

    def _digest(self, key: str) -> tuple[str, str]:
        """Return the SHA-256 of the object under a key, and its tag."""
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / "content"
            etag = self.store.download(key, path)
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest(), etag
