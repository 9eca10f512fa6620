"""What a request of this protocol can get wrong beside what any request can."""

from http import HTTPStatus

from starlette.exceptions import HTTPException


class MalformedRequestError(HTTPException):
    """The request is not of the protocol, or contradicts itself; the message says where.

    Answered with 400, which the protocol asks for where other routes say 422.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, detail)


def shown(name: str) -> str:
    """A name that the caller sent, short and quoted, for a message."""
    return repr(name if len(name) <= 40 else f"{name[:40]}…")
