"""What was deployed: commit, model versions and image digest, on one stage."""

from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from scripts.common.errors import RegistryError
from scripts.registry import keys
from scripts.registry.documents import decode, encode, write
from scripts.registry.stores.store import ObjectStore


@dataclass(frozen=True)
class Release:
    """One deployment that answered. models: model to version. image: `sha256:` and 64 hex. server:
    the same of the server's image, empty where the stage had none.
    """

    stage: str
    commit: str
    image: str
    models: dict[str, str]
    released_at: str
    server: str = ""

    @property
    def moment(self) -> datetime:
        """When it was released, in UTC."""
        return datetime.fromisoformat(self.released_at).astimezone(UTC)

    @property
    def name(self) -> str:
        """The same release recorded twice is one."""
        moment = f"{self.moment:%Y%m%dT%H%M%S}{self.moment.microsecond // 1000:03}Z"
        return f"{moment}-{self.image.removeprefix('sha256:')[:8]}"


def record_release(store: ObjectStore, release: Release) -> None:
    """Write a release once; the same one again changes nothing. Raises ConflictError."""
    write(store, keys.release(release.stage, release.name), encode(asdict(release)), None)


def list_releases(store: ObjectStore, stage: str | None = None) -> list[Release]:
    """Releases of one stage or of all, oldest first within each. Raises RegistryError."""
    found = [
        _parse(decode(store.get(entry.key), entry.key), entry.key)
        for entry in store.list(keys.releases(stage))
    ]
    return sorted(found, key=lambda release: (release.stage, release.moment, release.name))


@dataclass(frozen=True)
class History:
    """What stands behind what is live, and what was taken back.

    standing: oldest first, the last one live. taken_back: releases that one was gone back from,
    and not brought again, each with the one that came in its place.
    """

    standing: list[Release] = field(default_factory=list)
    taken_back: list[tuple[Release, Release]] = field(default_factory=list)

    def commits_taken_back(self) -> set[str]:
        """Commits that may have been what was wrong, since what came in their place is of another;
        where it is of the same, it was the model.
        """
        kept = {release.commit for release in self.standing}
        return {bad.commit for bad, good in self.taken_back if bad.commit != good.commit} - kept


def release_history(releases: Sequence[Release]) -> History:
    """The releases of one stage, oldest first, as a pile: an image that is released again while
    it stands in the pile takes off what came after it.
    """
    standing: list[Release] = []
    taken_back: list[tuple[Release, Release]] = []
    for release in releases:
        images = [each.image for each in standing]
        if release.image in images:
            place = images.index(release.image)
            taken_back += [(later, standing[place]) for later in standing[place + 1 :]]
            del standing[place + 1 :]
        else:
            taken_back = [pair for pair in taken_back if pair[0].image != release.image]
            standing.append(release)
    return History(standing, taken_back)


def _parse(document: dict[str, Any], key: str) -> Release:
    known = {each.name for each in fields(Release)}
    missing = [e.name for e in fields(Release) if e.default is MISSING and e.name not in document]
    if missing:
        raise RegistryError(f"{key}: not a release: no {', '.join(missing)}")
    return Release(**{name: value for name, value in document.items() if name in known})
