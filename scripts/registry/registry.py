"""Versions of models, and the aliases that point at them.

An alias moves by compare-and-swap: of two writers at once, one gets a LostRaceError.
"""

from function.core.errors import ArtifactError
from scripts.common.errors import ConflictError, LostRaceError, RegistryError
from scripts.registry import keys
from scripts.registry.aliases import Alias, parse_alias, promoted, returned, rolled_back
from scripts.registry.documents import decode, encode, find_document, write_document
from scripts.registry.stores import open_store
from scripts.registry.stores.store import StoredObject
from scripts.registry.versions import Versions

PRODUCTION, CANDIDATE = "production", "candidate"


class Registry(Versions):
    """Versions and aliases. Every method raises StoreError where the store fails."""

    def alias(self, model: str, name: str) -> Alias | None:
        """Return an alias, None where it was never set."""
        return self._read_alias(model, name)[0]

    def aliases(self, model: str) -> dict[str, Alias]:
        """Return every alias of a model, by name."""
        prefix = keys.aliases(model)
        names = [entry.key.removeprefix(prefix) for entry in self.store.list(prefix)]
        found = {
            name.removesuffix(".json"): self.alias(model, name.removesuffix(".json"))
            for name in names
            if name.endswith(".json") and "/" not in name
        }
        return {name: alias for name, alias in found.items() if alias}

    def promote(self, model: str, version: str, reason: str, alias: str = PRODUCTION) -> Alias:
        """Point an alias at a published version, once its files were verified.

        Promoting the current version changes nothing. Raises ArtifactError or RegistryError where
        the version is damaged or absent, LostRaceError where someone else moved the alias
        meanwhile.
        """
        current, read = self._read_alias(model, alias)
        if current and current.version == version:
            return current
        digest = self.verify(model, version).digest
        return self._move(model, alias, promoted(current, version, digest, reason), read)

    def rollback(
        self, model: str, *, unless_left: str | None = None, reason: str = "rolled back"
    ) -> tuple[Alias | None, Alias]:
        """Point production at the nearest version behind it that is whole.

        Does nothing where production is no longer `unless_left`. Returns production before (None
        where nothing was done) and now. Raises LostRaceError, and RegistryError where nothing is
        behind.
        """
        current, read = self._read_alias(model, PRODUCTION)
        if current is None:
            raise RegistryError(f"{model}: nothing is in production, so nothing can be rolled back")
        if unless_left not in (None, current.version):
            return None, current
        damaged = []
        for target in current.behind:
            if target in current.withdrawn:
                continue
            try:
                digest = self.verify(model, target).digest
            except (ArtifactError, RegistryError) as error:
                damaged.append(f"{target} ({error})")
                continue
            moved = rolled_back(current, target, digest, reason)
            return current, self._move(model, PRODUCTION, moved, read)
        raise RegistryError(
            f"{model}: nothing to go back to behind {current.version}"
            + (f"; not whole: {'; '.join(damaged)}" if damaged else ", the first in production")
        )

    def return_to(self, model: str, version: str, reason: str) -> Alias:
        """Point production at an earlier version, and withdraw all that came after it.

        Where it points there already nothing changes. Raises as `promote` does.
        """
        current, read = self._read_alias(model, PRODUCTION)
        if current is None:
            return self.promote(model, version, reason)
        if current.version == version:
            return current
        digest = self.verify(model, version).digest
        return self._move(model, PRODUCTION, returned(current, version, digest, reason), read)

    def _read_alias(self, model: str, name: str) -> tuple[Alias | None, StoredObject | None]:
        key = keys.alias(model, name)
        stored = find_document(self.store, key)
        return (parse_alias(decode(stored, key), key) if stored else None), stored

    def _move(self, model: str, name: str, alias: Alias, read: StoredObject | None) -> Alias:
        try:
            write_document(self.store, keys.alias(model, name), encode(alias.document()), read)
        except ConflictError as error:
            now = self.alias(model, name)
            raise LostRaceError(
                f"{model}: someone else moved {name} first, to {now.version if now else 'nothing'};"
                " check it, then try again"
            ) from error
        return alias


def open_registry(location: str) -> Registry:
    """Return the registry at a directory or at `s3://bucket/prefix`. Raises UsageError."""
    return Registry(open_store(location))
