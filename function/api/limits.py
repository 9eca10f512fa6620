"""Cheap checks of a request, made before anything is tokenised, and the choice of its model."""

from collections.abc import Callable, Sequence

from function.core.errors import (
    BatchTooLargeError,
    InputError,
    NotReadyError,
    UnknownModelError,
    shorten,
)
from function.core.tokenization import Text, strings_of
from function.core.types import Engine, ModelInfo
from function.settings import Limits


def check_texts(texts: Sequence[Text], limits: Limits) -> None:
    """Check texts against the limits; `characters` is that of one text.

    Raises:
        BatchTooLargeError: There are too many texts, or one is too long.
        InputError: A text is blank or not Unicode.
    """
    if len(texts) > limits.texts:
        raise BatchTooLargeError(
            f"{len(texts)} texts in one request: send at most {limits.texts} at a time"
        )
    strings = [(index, string) for index, text in enumerate(texts) for string in strings_of(text)]
    for index, text in strings:
        if len(text) > limits.characters:
            raise BatchTooLargeError(
                f"text {index} has {len(text)} characters: send at most {limits.characters}"
            )
        if not text.strip():
            raise InputError(f"text {index} is empty: send at least one word")
        try:
            text.encode()
        except UnicodeEncodeError as error:  # JSON can hold half of a surrogate pair
            raise InputError(
                f"text {index} is not Unicode at character {error.start}: send whole characters"
            ) from error


def require_ready(engine: Engine) -> None:
    """Raise NotReadyError unless the default model is loaded."""
    if not engine.ready():
        raise NotReadyError("the model is still being loaded; try again in a moment")


def require_model(engine: Engine, name: str | None, version: str | None = None) -> ModelInfo:
    """Return a served model by name, and version if given, or without a name the default one.

    Raises UnknownModelError for others.
    """
    models = {model.name: model for model in engine.models()}
    if name is None:
        return engine.models()[0]
    if name not in models:
        raise UnknownModelError(
            f"no model '{shorten(name)}' here; served: {', '.join(sorted(models))}"
        )
    model = models[name]
    if version not in (None, model.version):
        raise UnknownModelError(
            f"no version '{shorten(version or '')}' of '{name}'; served: {model.version}"
        )
    return model


def choose_model(
    engine: Engine,
    name: str | None,
    able: Callable[[ModelInfo], bool],
    none: str,
    several: str = "name one of {}",
) -> ModelInfo:
    """Return the named model, or else the default model, or else the only one that is able.

    Raises:
        UnknownModelError: The named model is not served.
        InputError: The message is `none` where no such model is able, `several` where one of
            several has to be named; `{}` stands for their names.
    """
    models = [require_model(engine, name)] if name else engine.models()
    fitting = [model for model in models if able(model)]
    if len(fitting) == 1 or (fitting and fitting[0].default):
        return fitting[0]
    names = ", ".join(model.name for model in fitting) or "none"
    raise InputError((several if fitting else none).replace("{}", names))


def choose_embedder(engine: Engine, name: str | None, route: str) -> ModelInfo:
    """Return the model that gives texts vectors; raises as `choose_model` does."""
    needed = (
        f"{route}: it needs one model that answers with 'embedding', or such a default one; "
        "here are {}: ask /v1/models/NAME/predict"
    )
    none = f"model: '{name}' gives texts no vectors: ask /v1/predict" if name else needed
    return choose_model(
        engine, name, lambda model: model.answer_key == "embedding", none, several=needed
    )
