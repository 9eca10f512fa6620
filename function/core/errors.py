"""Exceptions of this project, by cause.

    text ──> tokens ──> logits ──> prediction
      │         │          │
      InputError│          PredictionError
                InputError (too long)
    directory ──> loaded model
        │
        ArtifactError

`api/problems.py` holds the one table that maps these to HTTP statuses.
"""

NAME_CHARACTERS = 40  # of a name that a caller sent, in a message


class EvergreenError(Exception):
    """Base of every exception that this project raises."""


class InputError(EvergreenError):
    """The request cannot be answered; the message says what to send instead."""


class BatchTooLargeError(InputError):
    """More bytes, texts or characters than one request may carry."""


class UnknownModelError(InputError):
    """The named model is not served here."""


class ArtifactError(EvergreenError):
    """A model directory differs from its manifest; the message names the file."""


class UnsupportedArchitectureError(ArtifactError):
    """This backend cannot serve the artifact, but another may."""


class PredictionError(EvergreenError):
    """The model failed, or returned invalid numbers such as NaN."""


class NotReadyError(EvergreenError):
    """No model is loaded yet."""


class OverloadedError(EvergreenError):
    """The queue is full; there may be room after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LateError(OverloadedError):
    """The request waited longer than its caller does, and was given up."""


class SettingsError(EvergreenError):
    """A setting in the environment is invalid; the message names the variable."""


def is_panic(error: BaseException) -> bool:
    """Return whether a library in Rust, such as tokenizers, panicked: that is no Exception."""
    return type(error).__name__ == "PanicException"


def shorten(name: str) -> str:
    """Return a name that a caller sent, short enough for a message."""
    return name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}…"
