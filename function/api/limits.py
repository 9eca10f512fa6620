"""Cheap checks of a request, made before anything is tokenised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from function.core.errors import BatchTooLargeError, InputError, UnknownModelError, shorten
from function.core.tokenization import Text, strings_of
from function.core.types import Engine, ModelInfo


@dataclass(frozen=True)
class RequestLimits:
    """Limits on one request; `body_bytes` is counted after decompression, `characters` per text."""

    body_bytes: int
    texts: int
    characters: int

    def check(self, texts: Sequence[Text]) -> None:
        """Check texts against the limits.

        Raises:
            BatchTooLargeError: There are too many texts, or one is too long.
            InputError: A text is blank or not Unicode.
        """
        if len(texts) > self.texts:
            raise BatchTooLargeError(
                f"{len(texts)} texts in one request: send at most {self.texts} at a time"
            )
        strings = [
            (index, string) for index, text in enumerate(texts) for string in strings_of(text)
        ]
        for index, text in strings:
            if len(text) > self.characters:
                raise BatchTooLargeError(
                    f"text {index} has {len(text)} characters: send at most {self.characters}"
                )
            if not text.strip():
                raise InputError(f"text {index} is empty: send at least one word")
            try:
                text.encode()
            except UnicodeEncodeError as error:  # JSON can hold half of a surrogate pair
                raise InputError(
                    f"text {index} is not Unicode at character {error.start}: send whole characters"
                ) from error


def find_model(engine: Engine, answer_key: str, route: str) -> ModelInfo:
    """Return the model of a route that names none: the default, else the only one that fits it.

    Raises InputError if none fits, or several and not the default.
    """
    models = [model for model in engine.models() if model.answer_key == answer_key]
    if len(models) == 1 or (models and models[0].default):
        return models[0]
    names = ", ".join(model.name for model in models) or "none"
    raise InputError(
        f"{route}: it needs one model that answers with '{answer_key}', or such a default one; "
        f"here are {names}: ask /v1/models/NAME/predict"
    )


def require_model(engine: Engine, name: str, version: str | None = None) -> ModelInfo:
    """Return a served model by name, and version if given; raises UnknownModelError for others."""
    models = {model.name: model for model in engine.models()}
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
    engine: Engine, name: str | None, able: Callable[[ModelInfo], bool], otherwise: str
) -> ModelInfo:
    """Return the named model, or else the default model, or else the only one that is able.

    Raises UnknownModelError, or InputError that says `otherwise` unless that model is able.
    """
    models = [require_model(engine, name)] if name else engine.models()
    fitting = [model for model in models if able(model)]
    if not fitting:
        raise InputError(otherwise)
    if len(fitting) > 1 and not fitting[0].default:
        raise InputError(f"name one of {', '.join(model.name for model in fitting)}")
    return fitting[0]
