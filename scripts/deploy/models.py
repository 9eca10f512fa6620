"""The models of a stage's image, from the registry in its account's bucket."""

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
    """Copy models in production to a registry that has neither candidate nor production of them.

    They become candidates there: `production` is for versions that have answered. Run again after
    an interruption, it completes the copy. Returns `MODEL VERSION` of each copied model.
    """
    seeded = []
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
        seeded.append(f"{model} {pointer.version}")
    return seeded


def choose_models(
    registry: Registry, stage: StageConfiguration, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the version of each model of a stage, or of every model if the stage lists none.

    In this order: the given version, the one that the stage pins, the one in production, and the
    candidate of a model that never was in production. Raises RegistryError if the registry has no
    version of a model, or lacks the default model.
    """
    chosen = {}
    for wanted in stage.models or registry.models():
        model, _, version = wanted.partition("=")
        if version := version or _current(registry, model):
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
    """Return the versions that the stage pins, by model."""
    return parse_models(",".join(wanted for wanted in stage.models if "=" in wanted))


def parse_models(pins: str) -> dict[str, str]:
    """Parse `MODEL=VERSION,...` to model and version. Raises UsageError."""
    chosen = {}
    for pin in filter(None, pins.split(",")):
        model, _, version = pin.partition("=")
        if not model or not version:
            raise UsageError(f"models are MODEL=VERSION,... and not '{pins}'")
        chosen[model] = version
    return chosen


def format_models(models: Mapping[str, str]) -> str:
    """Return `MODEL=VERSION,...`, sorted by model."""
    return ",".join(f"{model}={version}" for model, version in sorted(models.items()))


def _current(registry: Registry, model: str) -> str:
    pointer = registry.alias(model, PRODUCTION) or registry.alias(model, CANDIDATE)
    return pointer.version if pointer else ""
