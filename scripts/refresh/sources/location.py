"""Parsing of SOURCE on the command line."""

import os
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from scripts.common.errors import UsageError
from scripts.refresh.sources.directory import Directory
from scripts.refresh.sources.hugging_face_hub import HuggingFaceHub
from scripts.refresh.sources.mlflow_registry import MlflowRegistry
from scripts.refresh.sources.source import AddressedSource, Revision, Source
from scripts.refresh.sources.wandb_artifact import WandbArtifact
from scripts.registry.registry import PRODUCTION, Registry

REGISTRY = "registry"
OF_A_MODEL = re.compile(r"(?P<model>[^=:]+)=(?P<source>.+)")
# Scheme: its form after the colon, and its class. A new source is one line here. `registry` is not
# among them: it takes the registry that the command works on.
SCHEMES: Mapping[str, tuple[str, type[AddressedSource]]] = {
    "hub": ("REPO[@REVISION]", HuggingFaceHub),
    "dir": ("PATH", Directory),
    "mlflow": ("MODEL[@ALIAS]", MlflowRegistry),
    "wandb": ("ENTITY/PROJECT/ARTIFACT[:ALIAS]", WandbArtifact),
}


def open_source(location: str) -> Source:
    """Return the source at a location, unread so far. Raises UsageError where it names none."""
    scheme, colon, address = location.partition(":")
    if scheme not in SCHEMES or not colon or not address:
        forms = ", ".join(f"{name}:{form}" for name, (form, _) in SCHEMES.items())
        raise UsageError(f"'{location}' is no source; give one of registry, {forms}")
    kind = SCHEMES[scheme][1]
    for name in kind.variables:
        if (
            os.environ.get(name) == ""
        ):  # a secret that a repository does not have is empty in its jobs
            del os.environ[name]
    return kind(address)


class RegistrySource:
    """The newest published version of a model."""

    def __init__(self, registry: Registry, model: str) -> None:
        self._registry, self._model = registry, model

    def newest(self) -> Revision | None:
        """Return the version that was made last, unless it is in production."""
        versions = self._registry.versions(self._model)
        # Names begin with the day, so only those of the last one need to be opened.
        last_day = [version for version in versions if version[:8] == versions[-1][:8]]
        if not last_day:
            return None
        # Of two made in one second, the name decides, so that the answer is the same each time.
        newest = max(last_day, key=lambda version: (self._made(version), version))
        production = self._registry.alias(self._model, PRODUCTION)
        if production and production.version == newest:
            return None
        return Revision("registry", newest)

    def _made(self, version: str) -> datetime:
        return self._registry.describe(self._model, version).manifest.created

    def fetch(self, revision: Revision, folder: Path) -> Path:
        return self._registry.download(self._model, revision.revision, folder / "artifact").path


def sources_by_model(given: str, served: Collection[str], pins: Collection[str]) -> dict[str, str]:
    """Return model to source, for models that are served and not pinned, from `MODEL=SOURCE,...`.

    A model that is not named has `registry`. A SOURCE without a model belongs to the one model
    that is not named. Raises UsageError where a source belongs to no model, or a model has two.
    """
    named: dict[str, str] = {}
    unnamed: list[str] = []
    for part in filter(None, given.split(",")):
        found = OF_A_MODEL.fullmatch(part)
        if found is None:
            unnamed.append(part)
        elif found["model"] in named:
            raise UsageError(f"'{given}' names {found['model']} twice")
        else:
            named[found["model"]] = found["source"]
    if unknown := named.keys() - set(served):
        raise UsageError(
            f"'{given}' names {', '.join(sorted(unknown))}; served are {', '.join(served)}"
        )
    models = [model for model in served if model not in pins]
    rest = [model for model in models if model not in named]
    if unnamed not in ([], [REGISTRY]) and (len(unnamed) > 1 or len(rest) != 1):
        raise UsageError(
            f"'{given}': whose is {unnamed[-1]}? Say MODEL={unnamed[-1]}, with one of "
            f"{', '.join(rest or models)}"
        )
    alone = unnamed[0] if unnamed else REGISTRY
    return {model: named.get(model, alone) for model in models}
