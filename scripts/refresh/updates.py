"""Whether a source has a revision that nobody has judged yet. Costs seconds, downloads nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from scripts.common.errors import ConflictError
from scripts.refresh.sources.location import RegistrySource, open_source
from scripts.refresh.sources.source import Revision, Source
from scripts.refresh.verdicts import Verdict, find_verdict
from scripts.registry import keys
from scripts.registry.aliases import Alias
from scripts.registry.documents import encode, find, write
from scripts.registry.registry import PRODUCTION, Registry


@dataclass(frozen=True)
class Look:
    """revision: the newest, None where the source has nothing newer than production. known: what
    was said of it before. production: where that alias points.
    """

    revision: Revision | None
    known: Verdict | None
    production: Alias | None

    @property
    def why_not(self) -> str:
        """Why there is nothing to judge; empty where there is."""
        if self.revision is None:
            return "the source has nothing newer"
        if self.known:
            return f"{self.revision} was judged on {self.known.decided_at}: {self.known.outcome}"
        return ""


def source_of(location: str, registry: Registry, model: str) -> Source:
    """The source that a command was told of; `registry` is the registry itself."""
    return RegistrySource(registry, model) if location == "registry" else open_source(location)


def look(registry: Registry, model: str, source: Source) -> Look:
    """Look once. Raises SourceError, RegistryError."""
    revision = source.newest()
    production = registry.alias(model, PRODUCTION)
    known = find_verdict(registry.store, model, str(revision)) if revision else None
    return Look(revision, known, production)


def leave_trace(registry: Registry, model: str, source: str) -> None:
    """Write down that somebody looked, so that it is noticed when nobody does any more."""
    key = keys.last_look(model)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    content = encode({"source": source, "looked_at": moment})
    try:
        write(registry.store, key, content, find(registry.store, key))
    except ConflictError:
        return  # another one looked meanwhile, and wrote the same
