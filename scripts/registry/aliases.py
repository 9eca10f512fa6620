"""States of an alias: where it points, where it pointed before, and what was rolled back.

promote B:   A            ->  B  (previous A)
promote C:   B            ->  C  (previous B, earlier A)
roll back:   C            ->  B  (previous A, withdrawn C)
roll back:   B            ->  A  (withdrawn C, B)
return to A: C            ->  A  (withdrawn C, B)
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from scripts.common.errors import RegistryError
from scripts.registry.documents import require_texts

REMEMBERED = 20  # versions behind an alias, and versions that were rolled back


@dataclass(frozen=True)
class Alias:
    """A pointer to one version."""

    version: str
    digest: str
    previous: str | None  # that a rollback returns to, None where nothing is behind
    moved_at: str
    reason: str
    id: str  # of the move that set it, by which a writer recognises its own
    earlier: tuple[str, ...] = ()  # versions behind `previous`, newest first
    withdrawn: tuple[str, ...] = ()  # rolled back and not promoted again, newest first

    @property
    def behind(self) -> Sequence[str]:
        """Versions that a rollback could return to, the nearest first."""
        return [self.previous, *self.earlier] if self.previous else []

    def document(self) -> dict[str, Any]:
        return asdict(self)


def parse_alias(document: dict[str, Any], key: str) -> Alias:
    """Parse an alias; members that are not known here are ignored. Raises RegistryError."""
    known = {field.name for field in fields(Alias)}
    try:
        alias = Alias(**{name: value for name, value in document.items() if name in known})
        earlier, withdrawn = tuple(alias.earlier), tuple(alias.withdrawn)
    except TypeError as error:
        raise RegistryError(f"{key}: not an alias: {error}") from error
    members = (alias.version, alias.digest, alias.moved_at, alias.reason, alias.id)
    require_texts((*members, alias.previous or "", *earlier, *withdrawn), key, "an alias")
    return replace(alias, earlier=earlier, withdrawn=withdrawn)


def promoted(current: Alias | None, version: str, digest: str, reason: str) -> Alias:
    """Return the alias after a promotion."""
    withdrawn = current.withdrawn if current else ()
    return _move(
        version,
        digest,
        reason,
        behind=[current.version, *current.behind] if current else [],
        withdrawn=[other for other in withdrawn if other != version],
    )


def rolled_back(current: Alias, target: str, digest: str, reason: str) -> Alias:
    """Return the alias after it went back to `target`, one of those behind it."""
    index = list(current.behind).index(target)
    return _move(
        target,
        digest,
        reason,
        behind=current.behind[index + 1 :],
        withdrawn=[current.version, *current.withdrawn],
    )


def returned(current: Alias, target: str, digest: str, reason: str) -> Alias:
    """Return the alias after it went back to `target`, with all that came after that withdrawn.

    Where `target` is not among those remembered behind it, nothing is behind it any more.
    """
    behind = list(current.behind)
    index = behind.index(target) if target in behind else len(behind)
    passed = [current.version, *behind[:index], *current.withdrawn]
    return _move(
        target,
        digest,
        reason,
        behind=behind[index + 1 :],
        withdrawn=[version for version in dict.fromkeys(passed) if version != target],
    )


def _move(
    version: str, digest: str, reason: str, *, behind: Sequence[str], withdrawn: Sequence[str]
) -> Alias:
    return Alias(
        version=version,
        digest=digest,
        previous=behind[0] if behind else None,
        moved_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=reason,
        id=uuid4().hex,
        earlier=tuple(behind[1:REMEMBERED]),
        withdrawn=tuple(withdrawn[:REMEMBERED]),
    )
