"""What was deployed: commit, model versions and image digest, on one stage."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from scripts.lifecycle import keys
from scripts.lifecycle.documents import decode, encode, write
from scripts.lifecycle.errors import RegistryError
from scripts.lifecycle.stores.store import ObjectStore


@dataclass(frozen=True)
class Release:
    """One deployment that answered. models: model to version. image: `sha256:` and 64 hex."""

    stage: str
    commit: str
    image: str
    models: dict[str, str]
    released_at: str

    @property
    def name(self) -> str:
        """Sorts by time; the same release recorded twice is one."""
        moment = datetime.fromisoformat(self.released_at).astimezone(UTC)
        return f"{moment:%Y%m%dT%H%M%SZ}-{self.image.removeprefix('sha256:')[:8]}"


def record_release(store: ObjectStore, release: Release) -> None:
    """Write a release once; the same one again changes nothing. Raises ConflictError."""
    write(store, keys.release(release.stage, release.name), encode(asdict(release)), None)


def list_releases(store: ObjectStore, stage: str | None = None) -> list[Release]:
    """Releases of one stage or of all, oldest first within each. Raises RegistryError."""
    known = {field.name for field in fields(Release)}
    found = []
    for entry in store.list(keys.releases(stage)):
        document = decode(store.get(entry.key), entry.key)
        try:
            found.append(Release(**{name: document[name] for name in known}))
        except KeyError as error:
            raise RegistryError(f"{entry.key}: not a release: no {error}") from error
    return sorted(found, key=lambda release: (release.stage, release.name))
