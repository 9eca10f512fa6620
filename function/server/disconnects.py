"""Cancellation of requests whose client hangs up."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_CLOSED_REQUEST = 499  # nginx's status for it, which only the log has


class DisconnectMiddleware:
    """Middleware that cancels a request when its client disconnects.

    It expects that the request's body comes in one message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = await receive()
        hung_up = asyncio.create_task(_hung_up(receive))
        answering = asyncio.ensure_future(
            self._app(scope, _request_then_disconnect(request, hung_up), send)
        )
        try:
            await asyncio.wait({answering, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                scope["state"]["log"] |= {"level": "info", "status": CLIENT_CLOSED_REQUEST}
                answering.cancel()
            await asyncio.wait({answering})
        finally:
            hung_up.cancel()
            answering.cancel()
        if not answering.cancelled():
            answering.result()


async def _hung_up(receive: Receive) -> Message:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message


def _request_then_disconnect(request: Message, hung_up: "asyncio.Task[Message]") -> Receive:
    """Return a `receive` that gives the request once, then waits for the client's disconnect."""
    messages = [request]

    async def receive() -> Message:
        return messages.pop() if messages else await asyncio.shield(hung_up)

    return receive
