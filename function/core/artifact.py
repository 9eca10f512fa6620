"""Model directory: `manifest.json` and the files that it lists, nothing else.

directory ──> manifest ──> exactly its files there ──> formats proved ──> digests match
                 │                  │                      │                 │
                 └───────────── ArtifactError, naming the file ──────────────┘
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from function.core.errors import ArtifactError
from function.core.file_formats import check_format
from function.core.manifest import MANIFEST, FileEntry, Manifest, Role, parse_manifest

# Extensions of files that could run code on load.
PICKLE_SUFFIXES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz"}


@dataclass(frozen=True)
class Artifact:
    """Directory with a parsed manifest, whose SHA-256 is `digest`.

    Listed files that the backend in use does not need may be `absent`.
    """

    path: Path
    manifest: Manifest
    digest: str
    absent: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """Return `YYYYMMDD-<8 hex>`, derived, so that it always agrees with the content."""
        return f"{self.manifest.created:%Y%m%d}-{self.digest[:8]}"

    def file(self, role: Role) -> Path:
        """Return the path of the first file of a role; raises ArtifactError if none is listed."""
        for name, entry in self.manifest.files.items():
            if entry.role == role:
                return self.path / name
        raise ArtifactError(f"{self.path.name}: the manifest lists no file of role '{role}'")


def open_artifact(path: Path, optional: Collection[Role] = ()) -> Artifact:
    """Read a manifest and check that exactly its files are there, by name and size.

    `verify` checks the digests, so that both can overlap other work. Raises ArtifactError if a file
    is missing (unless `optional`), unlisted, a pickle or of another size.
    """
    artifact = read_manifest(path)
    present = {
        file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()
    } - {MANIFEST}
    for name in sorted(present - artifact.manifest.files.keys()):
        raise ArtifactError(f"{path.name}/{name}: not listed in the manifest")
    files = artifact.manifest.files
    absent = {name for name in files.keys() - present if files[name].role in optional}
    for name, entry in files.items():
        file = path / name
        if name in absent:
            continue
        if name not in present or file.is_symlink():
            raise ArtifactError(f"{path.name}/{name}: listed in the manifest but missing")
        if file.suffix.lower() in PICKLE_SUFFIXES:
            raise ArtifactError(f"{path.name}/{name}: pickles and archives are never loaded")
        if file.stat().st_size != entry.bytes:
            raise ArtifactError(
                f"{path.name}/{name}: {file.stat().st_size} bytes, the manifest says {entry.bytes}"
            )
    return replace(artifact, absent=frozenset(absent))


def read_manifest(path: Path) -> Artifact:
    """Read a directory's manifest alone; raises ArtifactError if it is absent or invalid."""
    try:
        content = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}/{MANIFEST}: {error.strerror}") from error
    return Artifact(path, parse_manifest(content, str(path.name)), sha256(content))


def verify(artifact: Artifact) -> None:
    """Prove every file's format, and compare its SHA-256 with the manifest.

    Raises ArtifactError that names a file that differs, or is not of its role's format.
    """
    for name, entry in artifact.manifest.files.items():
        if name in artifact.absent:
            continue
        path = artifact.path / name
        try:
            check_format(path, entry.role)
        except ValueError as error:
            raise ArtifactError(
                f"{artifact.path.name}/{name}: not a file of role '{entry.role}': {error}; "
                "pickles and archives are never loaded"
            ) from error
        if digest_file(path) != entry.sha256:
            raise ArtifactError(
                f"{artifact.path.name}/{name}: its SHA-256 differs from the manifest's"
            )


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in 64 hex digits; raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes in 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def describe_files(path: Path, roles: Iterable[tuple[str, Role]]) -> dict[str, FileEntry]:
    """Return manifest entries for files of a directory, from pairs of name and role."""
    entries = {}
    for name, role in roles:
        content = (path / name).read_bytes()
        entries[name] = FileEntry(sha256=sha256(content), bytes=len(content), role=role)
    return entries
