"""Releases: commit, model versions and digests that were deployed on one stage."""

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from scripts.common.errors import RegistryError
from scripts.registry import keys
from scripts.registry.documents import decode, encode, require_texts, write_document
from scripts.registry.stores.store import ObjectStore


@dataclass(frozen=True)
class Release:
    """One deployment that answered."""

    stage: str
    commit: str
    image: str  # `sha256:` and 64 hex digits
    models: dict[str, str]  # model to version
    released_at: str
    server: str = ""  # digest of the server's image, empty where the stage had none
    templates: str = ""  # digest of what the templates are made of; older releases have none

    @property
    def moment(self) -> datetime:
        """The time of the release, in UTC."""
        return datetime.fromisoformat(self.released_at).astimezone(UTC)

    @property
    def deployed(self) -> tuple[str, str, str]:
        """The digests of both images and of the templates: each may change without the others."""
        return self.image, self.server, self.templates

    @property
    def name(self) -> str:
        """The key's last part; the same release recorded twice has the same one."""
        moment = f"{self.moment:%Y%m%dT%H%M%S}{self.moment.microsecond // 1000:03}Z"
        return f"{moment}-{self.image.removeprefix('sha256:')[:8]}"


def record_release(store: ObjectStore, release: Release) -> None:
    """Write a release; writing it again changes nothing. Raises ConflictError."""
    write_document(store, keys.release(release.stage, release.name), encode(asdict(release)), None)


def list_releases(store: ObjectStore, stage: str | None = None) -> list[Release]:
    """Return releases of one stage or of all, oldest first within each. Raises RegistryError."""
    found = [
        _parse(decode(store.get(entry.key), entry.key), entry.key)
        for entry in store.list(keys.releases(stage))
        if entry.key.endswith(".json")  # consoles write markers of folders
    ]
    return sorted(found, key=lambda release: (release.stage, release.moment, release.name))


@dataclass(frozen=True)
class History:
    """The releases of a stage, without and with those that were rolled back.

    The active ones stand oldest first; the last one is live, the others are what a rollback returns
    to. Those that were rolled back and not released again stand with the one that replaced them.
    """

    active: list[Release] = field(default_factory=list)
    rolled_back: list[tuple[Release, Release]] = field(default_factory=list)

    def commits_rolled_back(self) -> set[str]:
        """Return the commits that may have been at fault: another commit replaced them.

        Where the same commit replaced a release, its model was at fault.
        """
        kept = {release.commit for release in self.active}
        return {bad.commit for bad, good in self.rolled_back if bad.commit != good.commit} - kept


def release_history(releases: Sequence[Release]) -> History:
    """Return the history of one stage, whose releases are given oldest first.

    It is a stack: images and templates that are released again while they are active take off what
    came after them, and count from then on as the release that they were last.
    """
    active: list[Release] = []
    rolled_back: list[tuple[Release, Release]] = []
    for release in releases:
        deployed = [each.deployed for each in active]
        if release.deployed in deployed:
            index = deployed.index(release.deployed)
            rolled_back += [(later, active[index]) for later in active[index + 1 :]]
            active[index:] = [release]  # its commit may be newer, with the same digests
        else:
            rolled_back = [pair for pair in rolled_back if pair[0].deployed != release.deployed]
            active.append(release)
    return History(active, rolled_back)


def _parse(document: dict[str, Any], key: str) -> Release:
    known = {each.name for each in fields(Release)}
    missing = [e.name for e in fields(Release) if e.default is MISSING and e.name not in document]
    if missing:
        raise RegistryError(f"{key}: not a release: no {', '.join(missing)}")
    release = Release(**{name: value for name, value in document.items() if name in known})
    try:
        models = [*release.models, *release.models.values()]
        members = (release.stage, release.commit, *release.deployed, *models)
        require_texts((*members, release.moment.isoformat()), key, "a release")
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise RegistryError(f"{key}: not a release: {error}") from error
    return release
