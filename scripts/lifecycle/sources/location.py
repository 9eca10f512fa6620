"""SOURCE on the command line to the source that it names."""

from collections.abc import Callable, Mapping

from scripts.common.errors import UsageError
from scripts.lifecycle.sources.directory import Directory
from scripts.lifecycle.sources.hugging_face_hub import HuggingFaceHub
from scripts.lifecycle.sources.mlflow_registry import MlflowRegistry
from scripts.lifecycle.sources.source import Source
from scripts.lifecycle.sources.wandb_artifact import WandbArtifact

# `registry` is not among them: it needs to be told which, and the command tells it.
# Scheme: how it is written after the colon, and what reads it. A new source is one line here.
SCHEMES: Mapping[str, tuple[str, Callable[[str], Source]]] = {
    "hub": ("REPO[@REVISION]", HuggingFaceHub),
    "dir": ("PATH", Directory),
    "mlflow": ("MODEL[@ALIAS]", MlflowRegistry),
    "wandb": ("ENTITY/PROJECT/ARTIFACT[:ALIAS]", WandbArtifact),
}


def open_source(location: str) -> Source:
    """The source at a location; nothing is read yet. Raises UsageError where it names none."""
    scheme, colon, address = location.partition(":")
    if scheme not in SCHEMES or not colon or not address:
        forms = ", ".join(f"{name}:{form}" for name, (form, _) in SCHEMES.items())
        raise UsageError(f"'{location}' is no source; give one of registry, {forms}")
    return SCHEMES[scheme][1](address)
