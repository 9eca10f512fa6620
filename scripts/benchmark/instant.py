"""A server that answers at once and does nothing, to see what the load generator can do.

Run as `python -m scripts.benchmark.instant PORT`.
"""

import asyncio
import sys
from typing import cast

from httptools import HttpRequestParser

from scripts.benchmark.connection import LOOPBACK

BODY = b'[{"label":"POSITIVE","score":0.9987},{"label":"NEGATIVE","score":0.0013}]'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)


class Instant(asyncio.Protocol):
    """The same answer to every request."""

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Until it is ended from outside."""
    server = await asyncio.get_running_loop().create_server(Instant, LOOPBACK, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
