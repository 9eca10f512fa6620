"""Request bodies: limited, decompressed and of a known type before any route sees them.

key ──> media type ──> encoding, declared size ──> bytes in time ──> decompressed ──> JSON
 │401       │415              │415, 413               │408, 413         │400, 413      │400, 422

Large bodies are decompressed and parsed in one thread. The event loop waits for no stranger's.
"""

import asyncio
import json
import re
import time
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.problems import problem
from function.core.errors import shorten

BODYLESS = {"GET", "HEAD", "OPTIONS", "DELETE"}
# Headers that describe a body as it was sent.
SENT_HEADERS = (b"content-encoding", b"content-length", b"content-type")
WINDOW_BITS = {"gzip": 31, "deflate": 15, "identity": 0, "": 0}
# Header with the length of the JSON in bytes, if tensors follow it.
JSON_LENGTH = "inference-header-content-length"
TENSOR_PATHS = "/v2/"
JSON = "application/json"
STALL_SECONDS, MOVING_BYTES = 30.0, 1024  # a body that brings fewer bytes in that time has stalled
SLOW_SECONDS, SLOWEST = 60.0, 20_000  # a body that has brought fewer bytes a second after that, too
MOST_DIGITS = 18  # of a length: more are too many bytes, whatever they are
INLINE_BYTES = 65_536  # read at once, in less time than a thread takes to start
# A request holds few strings and values. To parse a million takes a quarter of a second, in which
# Python runs nothing else.
MAX_QUOTES, MAX_VALUES = 100_000, 120_000
STRING = rb'(?s)"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'

Result = TypeVar("Result")
_READER = ThreadPoolExecutor(1, "reader")


class BodyMiddleware:
    """Middleware that reads the whole body and passes on plain bytes under the limit.

    The body is JSON, followed by tensors if the route accepts them.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit_bytes: int,
        check_key: Callable[[Headers], None] | None = None,
        total_bytes: int = 256_000_000,
    ) -> None:
        """Wrap an application; `check_key` raises HTTPException before a body is read.

        `total_bytes` limits the bodies of all requests that are read or answered at a time.
        """
        self._app, self._limit, self._check_key = app, limit_bytes, check_key
        self._total, self._held = total_bytes, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in BODYLESS:  # nothing waits for a body that one of these has
            await self._app(scope, _replay(b"", receive), send)
            return
        headers = Headers(scope=scope)
        try:
            if self._check_key:
                self._check_key(headers)
            _check_media_type(headers, scope["path"].removeprefix(scope.get("root_path", "")))
            body = await self._read(headers, receive)
            self._hold(len(body))
        except HTTPException as refused:
            answer = problem(refused.status_code, refused.detail, dict(refused.headers or {}))
            await answer(scope, receive, send)
            return
        # Routes know the type of their body: FastAPI would parse the header's once more.
        scope["headers"] = [each for each in scope["headers"] if each[0] not in SENT_HEADERS]
        try:
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._held -= len(body)

    def _hold(self, size: int) -> None:
        if self._held + size > self._total:
            detail = "other requests fill the memory for bodies: send it again"
            raise HTTPException(503, detail, {"retry-after": "1"})
        self._held += size

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in WINDOW_BITS:
            raise HTTPException(
                415, f"content encoding '{shorten(encoding)}': send gzip, deflate or none"
            )
        length = headers.get("content-length", "0")
        if length.isdecimal():
            self._check(int(length[:MOST_DIGITS]))
        try:
            body = await self._receive_all(receive)
        except TimeoutError:
            raise HTTPException(408, "the body stopped arriving: send it again") from None
        bits = WINDOW_BITS[encoding]
        return await aside(self._limit, self._decompress, body, bits) if bits else body

    async def _receive_all(self, receive: Receive) -> bytes:
        """Return the whole body; raises TimeoutError if it stalls, or arrives too slowly."""
        body, more, moved = bytearray(), True, 0
        held = 0
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with asyncio.timeout(STALL_SECONDS) as patience:
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise HTTPException(400, "the connection ended before the body did")
                    body += message.get("body", b"")
                    self._check(len(body))
                    self._hold(len(body) - held)
                    held = len(body)
                    more = message.get("more_body", False)
                    if more and len(body) >= moved + MOVING_BYTES:
                        moved = len(body)
                        latest = begun + SLOW_SECONDS + len(body) / SLOWEST
                        patience.reschedule(min(clock() + STALL_SECONDS, latest))
        finally:
            self._held -= held
        return bytes(body)

    def _decompress(self, body: bytes, window_bits: int) -> bytes:
        stream = zlib.decompressobj(window_bits)
        try:
            plain = stream.decompress(body, self._limit + 1)
        except zlib.error as error:
            raise HTTPException(400, f"the body cannot be decompressed: {error}") from error
        self._check(len(plain))
        if not stream.eof:
            raise HTTPException(400, "the compressed body ends too early")
        if stream.unused_data:
            raise HTTPException(400, "something follows the compressed body: send one stream")
        return plain

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise HTTPException(
                413, f"the body is too large: send at most {self._limit} bytes at a time"
            )


def _check_media_type(headers: Headers, path: str) -> None:
    """Raise HTTPException for another media type; gateways join headers that are sent twice."""
    given = ",".join(headers.getlist("content-type")) or JSON
    media_types = {part.partition(";")[0].strip().lower() for part in given.split(",")}
    media_type = media_types.pop() if len(media_types) == 1 else ""
    given = shorten(given.partition(";")[0].strip())
    if media_type == JSON or media_type.endswith("+json"):
        return
    if not path.startswith(TENSOR_PATHS):
        raise HTTPException(415, f"content type '{given}': send application/json")
    if media_type != "application/octet-stream" or JSON_LENGTH not in headers:
        raise HTTPException(
            415,
            f"content type '{given}': send application/json, or application/octet-stream with "
            f"{JSON_LENGTH}",
        )


class JsonRoute(APIRoute):
    """Route that takes JSON, which `read_json` reads."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_json


class _JsonRequest(Request):
    async def body(self) -> bytes:
        """Return the body, which `BodyMiddleware` passes on in one message."""
        if not hasattr(self, "_body"):
            self._body = (await self.receive())["body"]
        return self._body

    async def json(self) -> Any:
        body = await self.body()
        return await aside(len(body), read_json, body)


async def aside(size: int, read: Callable[..., Result], *arguments: object) -> Result:
    """Call a function that reads `size` bytes: in a thread, unless they are few.

    A function has one request at a time, and so nothing else to run meanwhile.
    """
    if size <= INLINE_BYTES or len(asyncio.all_tasks()) == 1:
        return read(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_READER, _take_turns, read, *arguments)


def _take_turns(read: Callable[..., Result], *arguments: object) -> Result:
    """Call a function, then pause as long, so that the event loop runs half of the time.

    Parsing never releases Python's lock, and the next body may wait already.
    """
    begun = time.perf_counter()
    try:
        return read(*arguments)
    finally:
        time.sleep(time.perf_counter() - begun)


def read_json(document: bytes) -> Any:
    """Parse UTF-8; raises JSONDecodeError, UnicodeDecodeError, or what `check_structure` raises."""
    check_structure(document)
    return json.loads(document.decode("utf-8-sig"))  # bytes could be UTF-16 or UTF-32, too


def check_structure(document: bytes, signs: bytes = b",[{") -> None:
    """Raise HTTPException if a document has more strings or values than texts need.

    Counting them takes a fraction of the time that parsing would. Values are counted by the `signs`
    that precede them.
    """
    if len(document) <= INLINE_BYTES:
        return
    quotes = document.count(b'"')
    if quotes > MAX_QUOTES:
        quotes -= document.count(b'\\"')
    if quotes > MAX_QUOTES or (
        _count(document, signs) > MAX_VALUES
        and _count(re.sub(STRING, b"", document), signs) > MAX_VALUES
    ):
        raise HTTPException(
            422,
            f"the body holds over {MAX_QUOTES // 2} strings, or over {MAX_VALUES} values: send "
            "fewer of them",
        )


def _count(document: bytes, signs: bytes) -> int:
    return sum(document.count(sign) for sign in signs)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
