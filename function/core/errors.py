"""Everything that can go wrong while a text is answered, by whose fault it is.

    text ──> tokens ──> logits ──> prediction
      │         │          │
      InputError│          PredictionError
                InputError (too long)
    directory ──> loaded model
        │
        ArtifactError

`api/problems.py` holds the one table that maps these to HTTP statuses.
"""


class EvergreenError(Exception):
    """Base of every error that this project raises on purpose."""


class InputError(EvergreenError):
    """The caller sent something that cannot be answered; the message says what to send instead."""


class BatchTooLargeError(InputError):
    """More bytes, texts or characters than one request may carry."""


class UnknownModelError(InputError):
    """The named model is not served here."""


class ArtifactError(EvergreenError):
    """A model directory is damaged, incomplete or not what its manifest says. Names the file."""


class UnsupportedArchitectureError(ArtifactError):
    """An artifact that this backend cannot serve, though another may."""


class PredictionError(EvergreenError):
    """The model answered with something that is not a prediction, for example NaN."""


class NotReadyError(EvergreenError):
    """No model is loaded yet."""


class OverloadedError(EvergreenError):
    """More is waiting than the queue holds. retry_after: seconds after which there may be room."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(EvergreenError):
    """The environment holds a setting that makes no sense. Names the variable."""
