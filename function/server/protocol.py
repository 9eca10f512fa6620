"""Limits on HTTP before the application: uvicorn's protocol, with bounds on sizes and times.

    connection ──> head ──> body ──> answer ──> close, or the next head
        │60 s, 2048 │20 s, 64 KB, 100 headers      │what is unread is drained: 64 MB, 30 s

`function/api/body.py` bounds the body. A load balancer has such limits too, but not every server
stands behind one.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from function.api.late_routes import UNMATCHED
from function.api.observability import Sink
from function.api.problems import problem

MAX_HEAD_BYTES, MAX_HEADERS, HEAD_SECONDS = 65_536, 100, 20.0
IDLE_SECONDS = 60.0  # of a connection that has sent nothing
MAX_DRAINED_BYTES, DRAIN_SECONDS = 64_000_000, 30.0
LAST_SECONDS = 0.5  # for a request that a client sends while the server stops

# uvicorn warns of every malformed request, which has a record of its own.
LOG = logging.getLogger("evergreen.protocol")
LOG.setLevel(logging.ERROR)


class _RefusedHeadError(Exception):
    """The head of a request is refused; the parser turns this into an error of its own."""


class BoundedProtocol(HttpToolsProtocol):
    """Protocol of one connection, one of `most`; `record` is called for each refusal.

    Once `stopping` is set, a connection takes the requests that are on their way, and no others.
    """

    def __init__(
        self, *args: Any, record: Sink, most: int, stopping: threading.Event, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._record, self._most, self._stopping = record, most, stopping
        self.logger = LOG
        self._refusal = 400, "this is no HTTP/1.1 request"
        self._running: RequestResponseCycle | None = None
        self._in_head = True
        self._unparsed = 0  # bytes since the last head, part of a body or end of one
        self._timer: asyncio.TimerHandle | None = None
        self._timed_head = self._refused = self.lingering = False
        self._drained = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._socket = transport
        lingering: Any = _LingeringTransport(transport, self)
        super().connection_made(lingering)
        idle_seconds = LAST_SECONDS if self._stopping.is_set() else IDLE_SECONDS
        self._start_timer(idle_seconds, transport.close)
        if len(self.connections) > self._most:
            others: Any = self.connections - {self}
            idle = next((each for each in others if not each.is_answering()), None)
            if idle:
                self.connections.discard(idle)  # which others shall not find, too
                idle.transport.abort()
            else:
                self._refuse(503, f"{self._most} connections are open: come again later")

    def is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.lingering:
            self._drained += len(data)
            if self._drained > MAX_DRAINED_BYTES:
                self._socket.abort()
            return
        self._unparsed += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unparsed > MAX_HEAD_BYTES:
            self._refuse(431, _too_large())
        elif self._in_head and self._unparsed and not self._timed_head:
            self._timed_head = True
            self._start_timer(HEAD_SECONDS, self._end_slow_head)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        version = self.parser.get_http_version()
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refusal = 431, _too_large()
            raise _RefusedHeadError
        if version != "1.0" and (version != "1.1" or all(n != b"host" for n, _ in self.headers)):
            raise _RefusedHeadError
        self._in_head = self._timed_head = False
        self._unparsed = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed, self._in_head = 0, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 # uvicorn's own is no problem
        self._refuse(*self._refusal)

    def shutdown(self) -> None:
        if self.lingering:
            self._socket.abort()
        elif self.is_answering():
            super().shutdown()
        else:
            self._start_timer(LAST_SECONDS, self.close)

    def close(self) -> None:
        """Close the connection, once the client had the time to read its answer.

        A socket that is closed with bytes unread resets its connection, and the client loses an
        answer that it has not read yet.
        """
        if self.lingering or self._socket.is_closing():
            return
        if not (self._refused or (self.cycle and self.cycle.more_body)):
            self._socket.close()
            return
        self.lingering = True
        self._disconnect()
        self._socket.resume_reading()
        self._socket.write_eof()
        self._start_timer(DRAIN_SECONDS, self._socket.abort)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.keep_alive = cycle.keep_alive and not self._stopping.is_set()
        super()._start_asgi_task(cycle, _announce_close(cycle, app))

    def _end_slow_head(self) -> None:
        if self.is_answering():
            self._start_timer(HEAD_SECONDS, self._end_slow_head)
        else:
            self._refuse(408, f"a request's head must arrive within {HEAD_SECONDS:.0f} s")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer a request that never reaches the application, and close the connection."""
        self._refused = True
        cycle = self._running
        if cycle is None or cycle.response_complete or not cycle.response_started:
            later = {"retry-after": "1"} if status == 503 else {}
            answer = problem(status, detail, {"connection": "close", **later})
            headers = [b"%s: %s\r\n" % header for header in answer.raw_headers]
            self.transport.write(
                b"".join([STATUS_LINE[status], *headers, b"\r\n", bytes(answer.body)])
            )
        self._record(
            {
                "level": "info",
                "request_id": os.urandom(16).hex(),
                "method": "none",
                "route": UNMATCHED,
                "status": status,
                "total_ms": 0.0,
            }
        )
        self.close()

    def _disconnect(self) -> None:
        """Tell the request in progress that its client has gone; uvicorn tells the last one."""
        if self._running and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _start_timer(self, seconds: float, call: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, call)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class _LingeringTransport:
    """Transport of a protocol that decides when to close it, and that ignores late calls."""

    def __init__(self, transport: asyncio.Transport, protocol: BoundedProtocol) -> None:
        self._transport, self._protocol = transport, protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._protocol.lingering or self._transport.is_closing()

    def close(self) -> None:
        self._protocol.close()

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        if not self.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.is_closing():
            self._transport.resume_reading()


def _announce_close(cycle: RequestResponseCycle, app: ASGIApp) -> Any:
    """Wrap an application, so that an answer to a body that is not read whole says `close`."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def announce(message: Message) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                cycle.keep_alive = False
            await send(message)

        await app(scope, receive, announce)

    return call


def _too_large() -> str:
    return f"a request's head may have {MAX_HEAD_BYTES} bytes and {MAX_HEADERS} headers"
