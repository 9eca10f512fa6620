"""The model that a caller names."""

from function.core.errors import UnknownModelError
from function.core.types import Engine, ModelInfo


def served(engine: Engine, name: str, version: str | None = None) -> ModelInfo:
    """A model by its name; in a version, where one is asked for. Raises UnknownModelError."""
    models = {model.name: model for model in engine.models()}
    if name not in models:
        raise UnknownModelError(f"no model '{name}' here; served: {', '.join(sorted(models))}")
    model = models[name]
    if version not in (None, model.version):
        raise UnknownModelError(f"no version '{version}' of '{name}'; served: {model.version}")
    return model
