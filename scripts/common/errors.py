"""Errors of the command line, each with the exit code that workflows rely on."""

from function.core.errors import EvergreenError


class CommandError(EvergreenError):
    """The command could not do its work."""

    exit_code = 1


class UsageError(CommandError):
    """The caller asked for something that makes no sense; nothing was started."""

    exit_code = 2


class RefusedError(CommandError):
    """The gate refused; nothing moved."""

    exit_code = 3


class DriftError(CommandError):
    """The inputs of a model are no longer those that it was validated on."""

    exit_code = 3


class DataError(UsageError):
    """A data file lacks what the command needs."""


class ThinReferenceError(UsageError):
    """A reference has no or too few predictions of a model to distinguish a change from chance."""


class NotComparableError(UsageError):
    """A model has no full-precision weights to compare its int8 graph with."""


class ExportError(CommandError):
    """The exported model does not answer as the trained one does."""


class StoreError(CommandError):
    """The object store could not be reached, or denied the call."""


class NotFoundError(StoreError):
    """No object has that key."""


class ConflictError(StoreError):
    """The object is not, or no longer, what the caller had read."""


class RegistryError(CommandError):
    """The registry refused, or holds something that is not valid."""


class LostRaceError(RegistryError):
    """Someone else moved the pointer first; read it again before trying again."""


class SourceError(CommandError):
    """A source of models could not be reached, or holds something that cannot be imported."""


class MissingExtraError(UsageError):
    """An optional package is needed that is not installed; the message says which."""


def one_line(error: BaseException) -> str:
    """Return an error's message on one line; of a long one both ends, where the cause is."""
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 300 else f"{message[:150]} ... {message[-150:]}"
