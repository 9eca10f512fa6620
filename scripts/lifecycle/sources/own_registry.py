"""Versions that were published into the registry itself, by a training job or by hand."""

from datetime import datetime
from pathlib import Path

from scripts.lifecycle.registry import PRODUCTION, Registry
from scripts.lifecycle.sources.source import Revision


class RegistrySource:
    """The newest published version of a model."""

    def __init__(self, registry: Registry, model: str) -> None:
        self._registry, self._model = registry, model

    def newest(self) -> Revision | None:
        """The version that was made last, unless it is in production."""
        versions = self._registry.versions(self._model)
        # Names begin with the day, so only those of the last one need to be opened.
        last_day = [version for version in versions if version[:8] == versions[-1][:8]]
        if not last_day:
            return None
        # Two of one second are told apart by name, so that the answer is the same each time.
        newest = max(last_day, key=lambda version: (self._made(version), version))
        production = self._registry.alias(self._model, PRODUCTION)
        if production and production.version == newest:
            return None
        return Revision("registry", newest)

    def _made(self, version: str) -> datetime:
        return self._registry.describe(self._model, version).manifest.created

    def fetch(self, revision: Revision, folder: Path) -> Path:
        return self._registry.download(self._model, revision.revision, folder / "artifact").path
