"""Errors of requests that only this protocol has."""

from http import HTTPStatus

from starlette.exceptions import HTTPException

from function.core.errors import shorten


class MalformedRequestError(HTTPException):
    """The request violates the protocol or contradicts itself; the message says where.

    It is answered with 400, as the protocol requires, where other routes answer 422.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, detail)


def quoted(name: str) -> str:
    """Return a name that the caller sent, quoted and shortened, for a message."""
    return repr(shorten(name))
