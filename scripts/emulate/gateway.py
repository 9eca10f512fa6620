"""An HTTP server on loopback in place of API Gateway: requests to events, answers to responses."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from scripts.common.errors import CommandError, UsageError
from scripts.common.processes import LOOPBACK
from scripts.emulate.protocol import (
    EventTooLargeError,
    HttpRequest,
    HttpResponse,
    InvocationError,
    gateway_problem,
    http_api_event,
    to_http,
)
from scripts.emulate.runtime import INVOCATION_PATH, MAX_EVENT_BYTES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Read and dropped up to here: a client still sending would not see why it is refused.
DRAIN_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
RAW_HEADERS = [("content-type", "text/plain; charset=utf-8")]  # the emulator's own, of JSON too

PassOn = Callable[[bytes], tuple[int, bytes]]


class Invokes(Protocol):
    """A function that answers events."""

    def invoke(self, event: Any) -> Any:
        """Call the handler with a raw event and return its raw answer."""


class Front(ThreadingHTTPServer):
    """The server: it passes each request to a function, each in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, function: Invokes, pass_on: PassOn | None = None) -> None:
        """Take the port, 0 for any. Raises UsageError if it cannot be had.

        With `pass_on`, raw events are taken where AWS's emulator takes them.
        """
        self.function, self.pass_on = function, pass_on
        try:
            super().__init__((LOOPBACK, port), FrontHandler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"Port {port} cannot be used: {getattr(error, 'strerror', None) or error}. "
                "Name another with --port."
            ) from error


class FrontHandler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: Front
    protocol_version = "HTTP/1.1"
    timeout = 60

    def handle_request(self) -> None:
        """Answer one request, with a problem document where the function gives no answer."""
        started = time.monotonic()
        try:
            response = self._ask()
        except InvocationError as error:
            response = gateway_problem(error.http_status, "The function did not answer", str(error))
        except CommandError as error:
            response = gateway_problem(502, "The function did not answer", str(error))
        except ValueError as error:
            self.close_connection = True
            response = gateway_problem(400, "Not a request", str(error))
        with suppress(ConnectionError):
            self._send(response)
        took = (time.monotonic() - started) * 1000
        # Without the query: it may hold the text.
        path = self.path.partition("?")[0]
        print(f"{self.command} {path} {response.status} {took:.0f} ms", file=sys.stderr)

    def _ask(self) -> HttpResponse:
        pass_on = self.server.pass_on
        if pass_on and (self.command, self.path) == ("POST", INVOCATION_PATH):
            status, body = pass_on(self._read_body())
            return HttpResponse(status, RAW_HEADERS, body)
        request = HttpRequest(
            method=self.command,
            target=self.path,
            protocol=self.request_version,
            headers=self.headers.items(),
            body=self._read_body(),
            source=str(self.client_address[0]),
            port=int(self.server.server_address[1]),
        )
        return to_http(self.server.function.invoke(http_api_event(request)))

    def _read_body(self) -> bytes:
        body, received = bytearray(), 0
        for chunk in self._chunks():
            received += len(chunk)
            if received <= MAX_EVENT_BYTES:
                body += chunk
            elif received > DRAIN_BYTES:
                self.close_connection = True
                break
        if received > MAX_EVENT_BYTES:
            raise EventTooLargeError("Lambda takes 6 MB at most in one call.")
        return bytes(body)

    def _chunks(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(CHUNK_BYTES).partition(b";")[0], 16):
            yield from self._read(size)
            self.rfile.readline(CHUNK_BYTES)
        while self.rfile.readline(CHUNK_BYTES).strip():
            pass

    def _read(self, length: int) -> Iterator[bytes]:
        if length < 0:
            raise ValueError("A negative length.")
        while length:
            chunk = self.rfile.read(min(length, CHUNK_BYTES))
            if not chunk:
                raise ValueError("The body ends early.")
            length -= len(chunk)
            yield chunk

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        bodiless = response.status in (204, 304)
        if not bodiless:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(response.body)


for _method in METHODS:
    setattr(FrontHandler, f"do_{_method}", FrontHandler.handle_request)
