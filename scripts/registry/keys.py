"""The keys of a registry, the same in every store."""

import hashlib

from scripts.common.errors import UsageError

RELEASES = "releases"


def versions(model: str) -> str:
    """Return the prefix of the keys of all versions of a model."""
    return f"{name(model)}/versions/"


def version_file(model: str, version: str, file: str) -> str:
    return f"{versions(model)}{name(version)}/{file}"


def aliases(model: str) -> str:
    return f"{name(model)}/aliases/"


def alias(model: str, alias: str) -> str:
    return f"{aliases(model)}{name(alias)}.json"


def golden(model: str, digest: str) -> str:
    return f"{name(model)}/golden/{name(digest)}.jsonl"


def golden_pointer(model: str) -> str:
    """Return the key of the pointer to the golden set that the gate uses."""
    return f"{name(model)}/golden/current.json"


def verdict(model: str, revision: str) -> str:
    """Return the key of a verdict; the SHA-256 of `source@revision` makes a name of it."""
    return f"{name(model)}/verdicts/{hashlib.sha256(revision.encode()).hexdigest()}.json"


def last_check(model: str) -> str:
    """Return the key of the time of the last check for updates."""
    return f"{name(model)}/looks/last.json"


def releases(stage: str | None = None) -> str:
    """Return the prefix of the keys of releases, of one stage or of all."""
    return f"{RELEASES}/{name(stage)}/" if stage else f"{RELEASES}/"


def release(stage: str, release: str) -> str:
    return f"{releases(stage)}{name(release)}.json"


def name(part: str) -> str:
    """Check one part of a key, which is not a path. Raises UsageError."""
    if (
        not part
        or part in (".", "..", RELEASES)
        or not part.isprintable()
        or set(part) & set("/\\")
    ):
        raise UsageError(f"'{part}' is not a name")
    return part
