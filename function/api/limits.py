"""Cheap bounds on what one request may carry, checked before anything is tokenised."""

from collections.abc import Sequence
from dataclasses import dataclass

from function.core.errors import BatchTooLargeError, InputError, UnknownModelError
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


@dataclass(frozen=True)
class RequestLimits:
    """body_bytes: after decompression. texts: in one request. characters: of one text."""

    body_bytes: int
    texts: int
    characters: int

    def check(self, texts: Sequence[str]) -> None:
        """Raises BatchTooLargeError, or InputError where a text is blank."""
        if len(texts) > self.texts:
            raise BatchTooLargeError(
                f"{len(texts)} texts in one request: send at most {self.texts} at a time"
            )
        for index, text in enumerate(texts):
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
