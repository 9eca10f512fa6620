"""Why a handler gave no answer, each with the HTTP status that the front answers in its place."""

from scripts.common.errors import CommandError


class InvocationError(CommandError):
    """The handler raised, exited, could not be imported, or answered what is no HTTP response."""

    http_status = 502


class InvocationTimeoutError(InvocationError):
    """The handler took longer than its time-out; its process was killed, as on Lambda."""

    http_status = 504


class EventTooLargeError(InvocationError):
    """The event is above what Lambda takes in one synchronous call; it was not sent."""

    http_status = 413
