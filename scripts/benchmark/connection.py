"""The least that a load generator needs of HTTP: a kept connection, one request at a time.

The generator shares its cores with what it measures. `httpx` takes milliseconds of them for a
request, `http.client` in threads a fifth of one, this a twentieth; and `wrk`, which takes still
less, cannot leave a beginning out and comes from no package index of Python's.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from httptools import HttpResponseParser

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """A response. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
    """A request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nhost: {LOOPBACK}\r\n"
    if body:
        head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def post(path: str, document: object) -> bytes:
    """A request with a JSON body."""
    return request("POST", path, json.dumps(document).encode())


class Connection(asyncio.Protocol):
    """Sends a request and reads its answer in full. Not for two at once."""

    def __init__(self) -> None:
        self._parser: Any = HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._transport: asyncio.WriteTransport

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a server on this machine. Raises OSError."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, LOOPBACK, port)
        return connection

    async def ask(self, sent: bytes) -> Answer:
        """Raises ConnectionError where the server hangs up before it has answered."""
        self._answer = asyncio.get_running_loop().create_future()
        self.send(sent)
        return await self._answer

    def send(self, sent: bytes) -> None:
        """Write, and wait for nothing."""
        if self.closed:
            raise ConnectionResetError("the server has closed the connection")
        self._transport.write(sent)

    @property
    def closed(self) -> bool:
        """Whether either side has hung up."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Say goodbye, once all is written."""
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("no answer came"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        self._headers, self._body = {}, []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
