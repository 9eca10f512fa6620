"""Which models a stage's image carries, out of the registry in its account's bucket."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.configuration.stage import StageConfiguration
from scripts.common.errors import RegistryError, UsageError
from scripts.registry.golden_sets import current_golden, freeze_golden
from scripts.registry.registry import CANDIDATE, PRODUCTION, Registry

FIRST = "the first, brought by a deployment"


def seed(source: Registry, target: Registry) -> list[str]:
    """Bring what is in production in one registry to another that knows nothing of the model.

    It becomes the candidate there: production is what has answered. Returns `MODEL VERSION` of
    each; run again it completes what was interrupted, and changes nothing else.
    """
    brought = []
    for model in source.models():
        pointer = source.alias(model, PRODUCTION)
        if pointer is None or target.alias(model, PRODUCTION) or target.alias(model, CANDIDATE):
            continue
        with TemporaryDirectory() as scratch:
            artifact = source.download(model, pointer.version, Path(scratch) / model)
            target.publish(artifact)
        with suppress(RegistryError):  # a model may have no golden set yet
            freeze_golden(target.store, model, current_golden(source.store, model)[1])
        target.promote(model, pointer.version, FIRST, CANDIDATE)
        brought.append(f"{model} {pointer.version}")
    return brought


def choose(
    registry: Registry, stage: StageConfiguration, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Model to version, of those that the stage names, or of all: what is given, else what the
    stage pins, else what is in production, else the candidate of a model that never was. Raises
    RegistryError where there is none."""
    chosen = {}
    for wanted in stage.models or registry.models():
        model, _, version = wanted.partition("=")
        if version := version or _followed(registry, model):
            chosen[model] = version
        elif stage.models and model not in (given or {}):
            raise RegistryError(f"{registry.store.location}: no version of '{model}' to deploy")
    chosen.update(given or {})
    if not chosen:
        raise RegistryError(f"{registry.store.location}: no model there to deploy")
    if stage.function.default_model not in chosen:
        raise RegistryError(
            f"the stage's default model is {stage.function.default_model}; "
            f"the registry has {', '.join(chosen)}"
        )
    return chosen


def pinned(stage: StageConfiguration) -> dict[str, str]:
    """Model to version, of those that the stage holds fast."""
    return parse(",".join(wanted for wanted in stage.models if "=" in wanted))


def parse(pins: str) -> dict[str, str]:
    """`MODEL=VERSION,...` as model to version. Raises UsageError."""
    chosen = {}
    for pin in filter(None, pins.split(",")):
        model, _, version = pin.partition("=")
        if not model or not version:
            raise UsageError(f"models are MODEL=VERSION,... and not '{pins}'")
        chosen[model] = version
    return chosen


def written(models: Mapping[str, str]) -> str:
    """What `parse` reads."""
    return ",".join(f"{model}={version}" for model, version in sorted(models.items()))


def _followed(registry: Registry, model: str) -> str:
    pointer = registry.alias(model, PRODUCTION) or registry.alias(model, CANDIDATE)
    return pointer.version if pointer else ""
