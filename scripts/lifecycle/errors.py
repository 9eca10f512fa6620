"""Errors of the command line, each with the exit code that workflows rely on."""

from function.core.errors import EvergreenError


class CommandError(EvergreenError):
    """The command could not do its work."""

    exit_code = 1


class UsageError(CommandError):
    """The caller asked for something that makes no sense; nothing was started."""

    exit_code = 2


class DataError(UsageError):
    """A data file lacks what the command needs."""


class ExportError(CommandError):
    """The exported model does not answer as the trained one does."""


class RegistryError(CommandError):
    """The registry refused or could not be read."""
