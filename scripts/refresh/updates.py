"""The check for updates: a source's newest revision and its verdict, in seconds, unloaded."""

from dataclasses import dataclass
from datetime import UTC, datetime

from scripts.common.errors import ConflictError
from scripts.refresh.sources.location import REGISTRY, RegistrySource, open_source
from scripts.refresh.sources.source import Revision, Source
from scripts.refresh.verdicts import RevisionVerdict, find_verdict
from scripts.registry import keys
from scripts.registry.aliases import Alias
from scripts.registry.documents import encode, find_document, write_document
from scripts.registry.registry import PRODUCTION, Registry


@dataclass(frozen=True)
class UpdateCheck:
    """The result of one check."""

    revision: Revision | None  # the newest, None where the source has nothing newer than production
    verdict: RevisionVerdict | None  # on that revision, None where it was not judged yet
    production: Alias | None

    @property
    def champion(self) -> str | None:
        """The version in production, None where there is none yet."""
        return self.production.version if self.production else None

    @property
    def why_not(self) -> str:
        """Why there is nothing to judge; empty where there is."""
        if self.revision is None:
            return "the source has nothing newer"
        if self.verdict:
            return (
                f"{self.revision} was judged on {self.verdict.decided_at}: {self.verdict.outcome}"
            )
        return ""


def source_of(location: str, registry: Registry, model: str) -> Source:
    """Return the source that a command names; `registry` is the registry itself."""
    return RegistrySource(registry, model) if location == REGISTRY else open_source(location)


def check_for_update(registry: Registry, model: str, source: Source) -> UpdateCheck:
    """Check a source once. Raises SourceError, RegistryError."""
    revision = source.newest()
    production = registry.alias(model, PRODUCTION)
    verdict = find_verdict(registry.store, model, str(revision)) if revision else None
    return UpdateCheck(revision, verdict, production)


def record_check(registry: Registry, model: str, source: str) -> None:
    """Record that a check took place, so that an alarm notices when none does any more."""
    key = keys.last_check(model)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    content = encode({"source": source, "looked_at": moment})
    try:
        write_document(registry.store, key, content, find_document(registry.store, key))
    except ConflictError:
        return  # another check took place meanwhile, and wrote the same
